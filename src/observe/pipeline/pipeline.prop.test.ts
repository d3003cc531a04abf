/** The pipeline beside a plain twin that takes one step after the other, in the order of time. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FLOW_EVENT, FLOW_VERDICT, FlowRow } from "../flow-row.js";
import type { PauseSource } from "./pauses.js";
import { perfRecordBytes } from "./perf-rings.js";
import { HubblePipeline, type PipelineReceiver, type PipelineSettings } from "./pipeline.js";

type Settings = Omit<PipelineSettings, "agentPauses" | "relayPauses" | "counter">;
interface Shape extends Settings {
  /** Gap and length of pauses, in turn; none when empty. */
  readonly pauses: readonly (readonly [gap: number, length: number])[];
}

interface Arrival {
  readonly after: number;
  readonly cpu: number;
  readonly captured: number;
  readonly dropped: boolean;
}

interface Event {
  readonly kind: "flow" | "perf" | "queue";
  readonly count: number;
  readonly cpu: number;
  readonly matched: boolean;
  readonly bytes: number;
}

const TRACE_BYTES = 48;
const END = 1e9;
/** No run has work after this. */
const PAUSES_UNTIL = 200_000;

/** What came out, in words. */
type Log = string[];

function pauseSource(pauses: Shape["pauses"]): PauseSource | null {
  if (pauses.length === 0) return null;
  let gap = 0;
  let length = 0;
  return { gapNs: () => pauses[gap++ % pauses.length]![0], lengthNs: () => pauses[length++ % pauses.length]![1] };
}

function runModel(shape: Shape, arrivals: readonly Arrival[]): { readonly log: Log; readonly counts: readonly number[] } {
  const log: Log = [];
  const receiver: PipelineReceiver = {
    flow: (row, number) => void log.push(`${number} read at ${row.timeNs}`),
    lost: (source, count, cpu, atNs) => void log.push(`${source} ${count} ${cpu} at ${atNs}`),
  };
  const pipeline = new HubblePipeline({ ...shape, agentPauses: pauseSource(shape.pauses), relayPauses: null, counter: null }, receiver);
  const context = { cpu: 0 };
  pipeline.attach(context);
  const row = new FlowRow();
  let at = 0;
  arrivals.forEach(({ after, cpu, captured, dropped }, number) => {
    at += after;
    context.cpu = cpu;
    row.timeNs = at;
    row.eventType = FLOW_EVENT.trace;
    row.captured = captured;
    row.verdict = dropped ? FLOW_VERDICT.dropped : FLOW_VERDICT.forwarded;
    pipeline.write(row, number);
  });
  pipeline.advance(END);
  const { perf, request, ring } = pipeline;
  return {
    log,
    counts: [
      perf.lost, pipeline.perfReports, pipeline.lostInQueue, request.lost, request.delivered, request.filtered,
      pipeline.flowsLostInQueue, pipeline.flowsOverwritten, pipeline.seenFlows, ring.written, pipeline.pending,
    ],
  };
}

/** One step after the other: whichever is due first, those further down the way before those above at the same moment. */
class PlainPipeline {
  readonly #shape: Shape;
  readonly #pauses: (readonly [start: number, end: number])[] = [];
  readonly log: Log = [];
  readonly #rings: { readonly event: Event; readonly number: number }[][];
  readonly #lostOnCpu: number[];
  #round: { readonly cpu: number; left: number }[] = [];
  #readFree = 0;
  readonly #queue: { readonly event: Event; readonly number: number; readonly at: number; readonly time: number }[] = [];
  #decoding: { readonly event: Event; readonly number: number; readonly time: number; readonly end: number } | null = null;
  #decodeFree = 0;
  readonly written: { readonly event: Event; readonly number: number; readonly time: number }[] = [];
  #position = 0;
  readonly #channel: ({ readonly event: Event; readonly number: number; readonly time: number } | "lost")[] = [];
  #channelAt = 0;
  #senderFree = 0;
  readonly #done: number[] = [];
  #refused = 0;
  #refusedSince = 0;
  #untold = 0;
  #untoldSince = 0;
  perfLost = 0;
  perfReports = 0;
  queueLost = 0;
  queueFlows = 0;
  ringLost = 0;
  overwritten = 0;
  delivered = 0;
  filtered = 0;

  constructor(shape: Shape) {
    this.#shape = shape;
    this.#rings = Array.from({ length: shape.cpus }, () => []);
    this.#lostOnCpu = new Array<number>(shape.cpus).fill(0);
    let at = 0;
    for (let n = 0; shape.pauses.length > 0 && at < PAUSES_UNTIL; n++) {
      const [gap, length] = shape.pauses[n % shape.pauses.length]!;
      this.#pauses.push([at + Math.max(1, gap), at + Math.max(1, gap) + length]);
      at = this.#pauses.at(-1)![1];
    }
  }

  arrive(at: number, number: number, { cpu, captured, dropped }: Arrival): void {
    this.until(at);
    const bytes = perfRecordBytes(TRACE_BYTES + captured);
    const ring = this.#rings[cpu]!;
    const used = ring.reduce((sum, { event }) => sum + event.bytes, 0);
    const report = this.#lostOnCpu[cpu]! > 0 ? 24 : 0;
    if (used + bytes + report >= this.#shape.perfRingBytes) {
      this.#lostOnCpu[cpu]!++;
      this.perfLost++;
      return;
    }
    if (this.#rings.every(({ length }) => length === 0)) this.#readFree = Math.max(this.#readFree, at);
    if (report > 0) {
      ring.push({ event: { kind: "perf", count: this.#lostOnCpu[cpu]!, cpu, matched: true, bytes: 24 }, number: -1 });
      this.#lostOnCpu[cpu] = 0;
    }
    ring.push({ event: { kind: "flow", count: 0, cpu, matched: !this.#shape.droppedOnly || dropped, bytes }, number });
  }

  until(at: number): void {
    for (;;) {
      const steps: (readonly [time: number, step: () => void])[] = [
        [this.#channel.length === 0 ? Infinity : this.#awake(Math.max(this.#senderFree, this.#channelAt)), () => this.#send()],
        [this.#decoding?.end ?? Infinity, () => this.#decoded()],
        [this.#decoding !== null || this.#queue.length === 0 ? Infinity : this.#awake(Math.max(this.#decodeFree, this.#queue[0]!.at)), () => this.#decode()],
        [this.#rings.every(({ length }) => length === 0) ? Infinity : this.#awake(this.#readFree) + this.#shape.readNs, () => this.#read()],
      ];
      const time = Math.min(...steps.map(([due]) => due));
      if (time > at) return;
      steps.find(([due]) => due === time)![1]();
    }
  }

  get pending(): number {
    const readable = this.written.slice(Math.max(this.#position, this.written.length - this.#shape.ringCapacity - 1));
    const here = [...this.#rings.flat(), ...this.#queue, ...readable, ...this.#channel.filter((item) => item !== "lost")];
    if (this.#decoding !== null) here.push(this.#decoding);
    return here.filter(({ event }) => event.kind === "flow").length;
  }

  #awake(at: number): number {
    return this.#pauses.find(([start, end]) => start <= at && at < end)?.[1] ?? at;
  }

  #read(): void {
    if (this.#round.length === 0) this.#round = this.#rings.flatMap((ring, cpu) => (ring.length === 0 ? [] : [{ cpu, left: ring.length }]));
    const last = this.#round.at(-1)!;
    const { event, number } = this.#rings[last.cpu]!.shift()!;
    if (--last.left === 0) this.#round.pop();
    const at = this.#awake(this.#readFree) + this.#shape.readNs;
    this.#readFree = at;
    if (event.kind === "perf") this.perfReports++;
    const room = (): boolean => this.#queue.length < this.#shape.queueSize;
    if (this.#refused > 0 && at - this.#refusedSince >= this.#shape.lostIntervalNs && room()) {
      this.#queue.push({ event: { kind: "queue", count: this.#refused, cpu: 0, matched: true, bytes: 0 }, number: -1, at, time: at });
      this.#refused = 0;
    }
    if (room()) this.#queue.push({ event, number, at, time: at });
    else {
      if (this.#refused === 0) this.#refusedSince = at;
      this.#refused++;
      this.queueLost++;
      if (event.kind === "flow") this.queueFlows++;
    }
  }

  #decode(): void {
    const next = this.#queue.shift()!;
    const start = this.#awake(Math.max(this.#decodeFree, next.at));
    this.#decodeFree = start + this.#shape.decodeNs;
    this.#decoding = { ...next, end: this.#decodeFree };
  }

  #decoded(): void {
    const { event, number, time, end } = this.#decoding!;
    this.#decoding = null;
    this.written.push({ event, number, time });
    const gone = this.written.length - 2 - this.#shape.ringCapacity;
    if (gone >= this.#position && this.written[gone]!.event.kind === "flow") this.overwritten++;
    if (this.#channel.length === 0) this.#channelAt = end;
    this.#fill();
  }

  #fill(): void {
    while (this.#channel.length < this.#shape.channel && this.#position <= this.written.length - 2) {
      const gone = this.#position < this.written.length - this.#shape.ringCapacity - 1;
      if (gone) this.ringLost++;
      this.#channel.push(gone ? "lost" : this.written[this.#position]!);
      this.#position++;
    }
  }

  #send(): void {
    const start = this.#awake(Math.max(this.#senderFree, this.#channelAt));
    const item = this.#channel.shift()!;
    if (item === "lost") {
      if (this.#untold === 0) this.#untoldSince = start;
      this.#untold++;
      this.#senderFree = this.#shape.lostIntervalNs === 0 ? start : start + this.#shape.filterNs;
    } else if (!item.event.matched) {
      this.filtered++;
      this.#senderFree = start + this.#shape.filterNs;
    } else {
      this.#transmit(start);
      if (item.event.kind === "flow") {
        this.delivered++;
        this.log.push(`${item.number} read at ${item.time}`);
      } else {
        const source = item.event.kind === "perf" ? "PERF_EVENT_RING_BUFFER" : "OBSERVER_EVENTS_QUEUE";
        this.log.push(`${source} ${item.event.count} ${item.event.cpu} at ${this.#senderFree}`);
      }
    }
    if (this.#untold > 0 && this.#senderFree - this.#untoldSince >= this.#shape.lostIntervalNs) {
      this.#transmit(this.#senderFree);
      this.log.push(`HUBBLE_RING_BUFFER ${this.#untold} null at ${this.#senderFree}`);
      this.#untold = 0;
    }
    this.#fill();
  }

  /** Done when fewer messages than fit are on their way. */
  #transmit(start: number): void {
    let gone = start + this.#shape.sendNs;
    for (;;) {
      const onTheirWay = this.#done.filter((done) => done > gone);
      if (onTheirWay.length < this.#shape.inFlight) break;
      gone = Math.min(...onTheirWay);
    }
    this.#senderFree = gone;
    this.#done.push(Math.max(gone, this.#done.at(-1) ?? 0) + this.#shape.relayNs);
  }
}

function runPlain(shape: Shape, arrivals: readonly Arrival[]): ReturnType<typeof runModel> {
  const plain = new PlainPipeline(shape);
  let at = 0;
  arrivals.forEach((arrival, number) => plain.arrive((at += arrival.after), number, arrival));
  plain.until(END);
  const flows = plain.written.filter(({ event }) => event.kind === "flow").length;
  return {
    log: plain.log,
    counts: [
      plain.perfLost, plain.perfReports, plain.queueLost, plain.ringLost, plain.delivered, plain.filtered,
      plain.queueFlows, plain.overwritten, flows, plain.written.length, plain.pending,
    ],
  };
}

const span = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max });
const shapes: fc.Arbitrary<Shape> = fc.record({
  cpus: fc.integer({ min: 1, max: 3 }),
  perfRingBytes: fc.constantFrom(512, 1024, 4096),
  queueSize: fc.integer({ min: 1, max: 6 }),
  ringCapacity: fc.constantFrom(1, 3, 7, 15),
  channel: fc.integer({ min: 1, max: 5 }),
  readNs: span(20),
  decodeNs: span(40),
  filterNs: span(10),
  sendNs: span(30),
  relayNs: span(60),
  inFlight: fc.integer({ min: 1, max: 4 }),
  lostIntervalNs: fc.constantFrom(0, 100),
  droppedOnly: fc.boolean(),
  pauses: fc.array(fc.tuple(fc.integer({ min: 50, max: 400 }), span(300)), { maxLength: 3 }),
});
const arrivals = (cpus: number): fc.Arbitrary<readonly Arrival[]> =>
  fc.array(
    fc.record({
      after: fc.oneof(fc.constant(0), span(15), span(200)),
      cpu: fc.integer({ min: 0, max: cpus - 1 }),
      captured: fc.integer({ min: 40, max: 128 }),
      dropped: fc.boolean(),
    }),
    { minLength: 20, maxLength: 150 },
  );

describe("Hubble's pipeline", () => {
  it("is its plain twin, event by event", () => {
    fc.assert(
      fc.property(shapes.chain((shape) => fc.tuple(fc.constant(shape), arrivals(shape.cpus))), ([shape, list]) => {
        const model = runModel(shape, list);
        expect(model).toEqual(runPlain(shape, list));
        const [perfLost, , , , delivered, filtered, queueLost, overwritten, , , pending] = model.counts;
        expect(perfLost! + queueLost! + overwritten! + delivered! + filtered! + pending!).toBe(list.length);
      }),
      { numRuns: 200 },
    );
  });
});
