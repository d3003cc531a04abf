/**
 * The load generator and the echo server of a live experiment, each a process in a namespace of its own: real sockets
 * that do what `lab/verify/testbed/load.ts` does in the simulator. A task comes as one line on stdin, results go as one
 * line to stdout; when stdin ends, so does the process.
 */
import { createServer, Socket } from "node:net";
import { createInterface } from "node:readline";
import { Outcome } from "../../verify/testbed/load.js";
import { READY, type GeneratorResult, type GeneratorTask } from "./generator-task.js";

const REQUEST = Buffer.alloc(32, 1);
const NS_PER_MS = 1e6;
const US_PER_MS = 1e3;
const MS_PER_S = 1e3;

function serve({ address, firstPort, ports }: GeneratorTask): void {
  let listening = 0;
  for (let i = 0; i < ports; i++) {
    const server = createServer((socket) => {
      socket.setNoDelay(true);
      socket.on("data", (data) => socket.write(data));
      socket.on("error", () => socket.destroy());
    });
    server.listen({ host: address, port: firstPort + i, backlog: 4096 }, () => {
      if (++listening === ports) process.stdout.write(`${READY}\n`);
    });
  }
}

/** One connection's life; times in ms of the experiment. */
class Caller {
  outcome: number = Outcome.notStarted;
  connectUs = -1;
  requests = 0;
  responses = 0;
  lagUs = 0;
  readonly #task: GeneratorTask;
  readonly #index: number;
  readonly #now: () => number;
  readonly #socket = new Socket();
  #holdEnd = 0;
  #outstanding = false;
  #received = 0;
  #timers: NodeJS.Timeout[] = [];

  constructor(task: GeneratorTask, index: number, now: () => number) {
    this.#task = task;
    this.#index = index;
    this.#now = now;
  }

  start(): void {
    const { address, clientAddress, firstPort, ports, firstClientPort, load, offered } = this.#task;
    const began = this.#now();
    this.lagUs = began * US_PER_MS - offered.startUs[this.#index]!;
    this.outcome = Outcome.connectCensored;
    const socket = this.#socket;
    const giveUp = setTimeout(() => this.#end(Outcome.connectTimeout), load.connectTimeoutS * MS_PER_S);
    this.#timers.push(giveUp);
    socket.setNoDelay(true);
    socket.on("connect", () => {
      clearTimeout(giveUp);
      this.connectUs = Math.round((this.#now() - began) * US_PER_MS);
      this.outcome = Outcome.censored;
      this.#holdEnd = this.#now() + offered.holdMs[this.#index]!;
      this.#timers.push(setTimeout(() => this.#endOfHold(), offered.holdMs[this.#index]!));
      this.#tick();
    });
    socket.on("data", (data) => this.#answered(data.length));
    socket.on("error", () => {
      if (this.outcome === Outcome.connectCensored) this.outcome = Outcome.connectError;
      else if (this.outcome === Outcome.censored) this.outcome = Outcome.reset;
      this.#stop();
    });
    socket.connect({
      host: address, port: firstPort + (this.#index % ports), localAddress: clientAddress, localPort: firstClientPort + this.#index, family: 4,
    });
  }

  #tick(): void {
    if (this.outcome !== Outcome.censored) return;
    const { load } = this.#task;
    if (!this.#outstanding) {
      this.#outstanding = true;
      this.requests++;
      const number = this.requests;
      this.#socket.write(REQUEST);
      this.#timers.push(
        setTimeout(() => {
          if (this.#outstanding && this.requests === number && this.outcome === Outcome.censored) this.#end(Outcome.ioTimeout);
        }, load.ioTimeoutS * MS_PER_S),
      );
    }
    if (this.#now() + load.requestIntervalS * MS_PER_S < this.#holdEnd) {
      this.#timers.push(setTimeout(() => this.#tick(), load.requestIntervalS * MS_PER_S));
    }
  }

  #answered(bytes: number): void {
    this.#received += bytes;
    if (this.#received < this.requests * REQUEST.length) return;
    this.#outstanding = false;
    this.responses = this.requests;
    if (this.outcome === Outcome.censored && this.#now() >= this.#holdEnd) this.#finish();
  }

  #endOfHold(): void {
    if (this.outcome === Outcome.censored && !this.#outstanding) this.#finish();
  }

  #finish(): void {
    if (this.#task.offered.leak[this.#index] === 1) {
      this.outcome = Outcome.leaked;
      return;
    }
    this.outcome = Outcome.closed;
    this.#socket.end();
  }

  #end(outcome: number): void {
    this.outcome = outcome;
    this.#stop();
    this.#socket.destroy();
  }

  #stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers = [];
  }
}

function call(task: GeneratorTask): void {
  const zero = BigInt(task.zeroNs);
  const now = (): number => Number(process.hrtime.bigint() - zero) / NS_PER_MS;
  const callers = task.offered.startUs.map((_, index) => new Caller(task, index, now));
  let next = 0;
  const begin = (): void => {
    while (next < callers.length && task.offered.startUs[next]! / US_PER_MS <= now()) callers[next++]!.start();
    if (next < callers.length) setTimeout(begin, Math.max(0, task.offered.startUs[next]! / US_PER_MS - now()));
  };
  begin();
  setTimeout(() => {
    const result: GeneratorResult = {
      connectUs: callers.map(({ connectUs }) => connectUs),
      outcome: callers.map(({ outcome }) => outcome),
      requests: callers.map(({ requests }) => requests),
      responses: callers.map(({ responses }) => responses),
      lagUs: callers.map(({ lagUs }) => Math.round(lagUs)),
    };
    process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
  }, task.lengthS * MS_PER_S - now());
}

const lines = createInterface({ input: process.stdin });
lines.once("line", (line) => {
  const task = JSON.parse(line) as GeneratorTask;
  if (task.role === "server") serve(task);
  else call(task);
});
lines.on("close", () => process.exit(0));
