/**
 * Brings recorded responses to a hub: all at once, or as their time comes at a chosen speed, with several nodes in step.
 */
import type { FlowHistory } from "../../hubble/server/flow-history.js";
import type { FlowHub } from "../../hubble/server/flow-hub.js";
import { pause } from "./pause.js";
import { noProblems, rename, ResponseFile, type RecordedResponse } from "./response-file.js";

/** Wall time between two looks at what is due, ms. */
const TICK_MS = 20;
/** Lines read before others get a turn. */
const LINES_AT_ONCE = 500;

export interface Track {
  readonly node: FlowHistory;
  readonly path: string;
  /** Name that responses get as their node's; null: their own. */
  readonly rename: string | null;
}

export interface PlayOptions {
  readonly hub: FlowHub;
  readonly tracks: readonly Track[];
  /** Simulated time per wall time; null: all at once. */
  readonly speed: number | null;
  /** When the run began, ns since 1970; null: with the first response. */
  readonly beginNs: bigint | null;
  /** How long the run was, ns; null: until the last response. */
  readonly lengthNs: number | null;
  readonly signal: AbortSignal;
}

export interface PlayedLines {
  readonly responses: number;
  readonly skipped: number;
  readonly firstReason: string | null;
  /** Why a file could not be read to its end. */
  readonly broken: string | null;
}

/** Plays everything; resolves when it is through or the signal is aborted. */
export async function play(options: PlayOptions): Promise<PlayedLines> {
  const { tracks } = options;
  const problems = noProblems();
  const files = tracks.map(({ path }) => new ResponseFile(path, problems));
  let responses = 0;
  try {
    const heads = await Promise.all(files.map(async (file) => await file.next()));
    const first = heads.reduce<bigint | null>((least, head) => (head !== null && (least === null || head.ns < least) ? head.ns : least), null);
    const beginNs = options.beginNs ?? first ?? 0n;
    const clock = new ReplayClock(beginNs, options.speed);
    while (heads.some((head) => head !== null) && !options.signal.aborted) {
      let added = 0;
      for (;;) {
        const chosen = earliest(heads);
        if (chosen < 0 || added === LINES_AT_ONCE || heads[chosen]!.ns > clock.nowNs()) break;
        const { response, ns } = heads[chosen]!;
        const { node, rename: name } = tracks[chosen]!;
        if (name !== null) rename(response, name);
        if (response.$typeName === "observer.GetFlowsResponse") options.hub.add(node, response);
        else options.hub.addEvent(node, response);
        node.uptimeNs = Number(ns - beginNs);
        heads[chosen] = await files[chosen]!.next();
        added++;
      }
      responses += added;
      if (options.speed !== null) for (const { node } of tracks) node.uptimeNs = Number(clock.nowNs() - beginNs);
      if (added > 0) options.hub.wake();
      await pause(added === LINES_AT_ONCE ? 0 : TICK_MS, options.signal);
    }
    if (options.speed === null) for (const { node } of tracks) settle(node, options.lengthNs);
  } finally {
    for (const file of files) await file.close();
  }
  return { responses, ...problems };
}

/** All of a run lies before its end: its nodes can be reached, whatever Relay could then. */
function settle(node: FlowHistory, lengthNs: number | null): void {
  node.connected = true;
  if (lengthNs !== null) node.uptimeNs = lengthNs;
}

/** Which moment of the run it is. */
class ReplayClock {
  readonly #beginNs: bigint;
  readonly #speed: number | null;
  readonly #startedMs = performance.now();

  constructor(beginNs: bigint, speed: number | null) {
    this.#beginNs = beginNs;
    this.#speed = speed;
  }

  nowNs(): bigint {
    if (this.#speed === null) return END_OF_TIME;
    return this.#beginNs + BigInt(Math.round((performance.now() - this.#startedMs) * 1e6 * this.#speed));
  }
}

const END_OF_TIME = 1n << 62n;

function earliest(heads: readonly (RecordedResponse | null)[]): number {
  let chosen = -1;
  heads.forEach((head, index) => {
    if (head !== null && (chosen < 0 || head.ns < heads[chosen]!.ns)) chosen = index;
  });
  return chosen;
}
