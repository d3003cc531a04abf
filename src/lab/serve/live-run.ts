/** A scenario that is simulated while its flows are served: simulated time goes on with the wall's, or as fast as it can. */
import { RandomStreams } from "../../core/random.js";
import { Simulation } from "../../core/simulation.js";
import { NS_PER_MS, NS_PER_S } from "../../core/units.js";
import { FlowLineReader, NodeEventReader } from "../../hubble/line-reader.js";
import type { ReadingProblems } from "../../hubble/message-reader.js";
import type { FlowHistory } from "../../hubble/server/flow-history.js";
import type { FlowHub } from "../../hubble/server/flow-hub.js";
import { buildNode, type BuiltNode } from "../../node/build.js";
import { RunRecorder } from "../../observe/recorder.js";
import { Windows } from "../../observe/windows.js";
import type { Scenario } from "../../scenario/types.js";
import { pause } from "./pause.js";
import { rename } from "./response-file.js";

/** Wall time between two steps, and how long one may take before others get a turn, ms. */
const TICK_MS = 20;
const TURN_MS = 50;
/** Simulated time of one step within a turn. */
const STEP_NS = 10 * NS_PER_MS;
/** Flows of a run that is served are not cut short. */
const NO_LIMIT = Number.MAX_SAFE_INTEGER;

/** What this program writes it can read. */
const OWN_LINES: ReadingProblems = { skipped: (reason) => { throw new Error(reason); }, unknownField: () => {} };

export interface LiveNode {
  readonly scenario: Scenario;
  readonly run: number;
  readonly node: FlowHistory;
  /** Name that responses get as their node's; null: their own. */
  readonly rename: string | null;
}

const UTF8 = new TextDecoder();

export class LiveRun {
  readonly #simulation = new Simulation();
  readonly #built: BuiltNode;
  readonly #live: LiveNode;
  readonly #hub: FlowHub;
  readonly #lines = new FlowLineReader("latest", OWN_LINES);
  readonly #events = new NodeEventReader(OWN_LINES);

  /** Throws a `RangeError` when the agent or a map refuses the scenario. */
  constructor(live: LiveNode, hub: FlowHub) {
    const scenario = { ...live.scenario, observe: { ...live.scenario.observe, flowsMax: NO_LIMIT } };
    const recorder = new RunRecorder(new Windows([]), scenario.warmupNs, this.#simulation);
    this.#live = live;
    this.#hub = hub;
    const sink = { write: (lines: Uint8Array) => this.#take(lines), event: (line: string) => this.#takeEvent(line) };
    this.#built = buildNode(scenario, this.#simulation, new RandomStreams(scenario.seed, live.run), recorder, sink);
  }

  get durationNs(): number {
    return this.#live.scenario.durationNs;
  }

  get nowNs(): number {
    return this.#simulation.now;
  }

  get done(): boolean {
    return this.#simulation.now >= this.durationNs;
  }

  /** Lets simulated time pass up to a moment, and brings what was seen to the hub. */
  advance(untilNs: number): void {
    this.#simulation.run(Math.min(untilNs, this.durationNs));
    this.#built.flows.finish();
    this.#live.node.uptimeNs = this.#simulation.now;
  }

  #takeEvent(line: string): void {
    const event = this.#events.read(line)!;
    if (this.#live.rename !== null) rename(event, this.#live.rename);
    this.#hub.addEvent(this.#live.node, event);
  }

  #take(lines: Uint8Array): void {
    for (const line of UTF8.decode(lines).trimEnd().split("\n")) {
      const response = this.#lines.read(line)!;
      if (this.#live.rename !== null) rename(response, this.#live.rename);
      this.#hub.add(this.#live.node, response);
    }
  }
}

/** Simulates all runs in step until they are through or the signal is aborted. `speed`: simulated time per wall time; null: no waiting. */
export async function simulateLive(runs: readonly LiveRun[], hub: FlowHub, speed: number | null, signal: AbortSignal): Promise<void> {
  const startedMs = performance.now();
  while (runs.some(({ done }) => !done) && !signal.aborted) {
    const turnEnds = performance.now() + TURN_MS;
    const dueNs = speed === null ? Infinity : Math.round((performance.now() - startedMs) * NS_PER_MS * speed);
    let behind = true;
    while (behind && performance.now() < turnEnds) {
      const next = Math.min(dueNs, Math.min(...runs.filter(({ done }) => !done).map(({ nowNs }) => nowNs)) + STEP_NS);
      for (const run of runs) if (run.nowNs < next) run.advance(next);
      behind = next < dueNs && runs.some(({ done }) => !done);
    }
    hub.wake();
    await pause(behind ? 0 : TICK_MS, signal);
  }
}

/** `10x`, `0.5x`, `2`; undefined for anything else. */
export function parseSpeed(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)x?$/.exec(text);
  const speed = match === null ? 0 : Number(match[1]);
  return speed > 0 && speed <= SPEED_MAX ? speed : undefined;
}

/** Faster than this nobody tells from at once. */
const SPEED_MAX = NS_PER_S;
