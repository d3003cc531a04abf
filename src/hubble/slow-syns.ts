/**
 * How long connections waited for their SYN-ACK, as one computes it from Hubble's flows: the first SYN of an address pair until
 * the first SYN-ACK the other way that is not dropped. The same packet is seen at several points; SYNs that lie apart are
 * retransmissions.
 *
 * What flows can't say: a SYN that was lost where nobody looks; the wait on the other side of a translated address, which
 * is a pair of its own; with dropped flows only, when it ended.
 */
import { dropTypeText } from "./names.js";
import { Verdict, type Flow, type TCP } from "./proto/flow_pb.js";
import type { GetFlowsResponse } from "./proto/observer_pb.js";
import { instantNs } from "./times.js";

const NS_PER_MS = 1_000_000n;
const NS_PER_SECOND = 1_000_000_000n;
/** SYNs closer than this are one packet at several points: the first retransmission of Linux comes after 200 ms at the earliest. */
const SAME_PACKET_NS = 50n * NS_PER_MS;
/** Later SYNs of the pair are another connection: Linux waits 64 s at most between two. */
const GIVEN_UP_NS = 70_000n * NS_PER_MS;

/** One connection's way to its SYN-ACK. */
export interface SynWait {
  /** The first SYN; its endpoints say who waits for whom. */
  readonly flow: Flow;
  readonly firstNs: bigint;
  /** Until the SYN-ACK; without one until the last SYN, which is less than the wait. */
  readonly waitNs: bigint;
  readonly answered: boolean;
  /** SYNs that were sent, 1 without a retransmission. */
  readonly syns: number;
  /** Why SYNs and SYN-ACKs were dropped, each reason once. */
  readonly drops: readonly string[];
}

interface Pending {
  readonly flow: Flow;
  readonly firstNs: bigint;
  lastNs: bigint;
  syns: number;
  answeredNs: bigint | undefined;
  readonly drops: Set<string>;
}

export class SynMatcher {
  /** The newest connection of each pair, and those that another one followed. */
  readonly #open = new Map<string, Pending>();
  readonly #closed: Pending[] = [];
  #synAcks = 0;

  /** There were SYN-ACKs: else waits have no end. */
  get sawAnswers(): boolean {
    return this.#synAcks > 0;
  }

  /** Takes a flow in; `counts` says whether a connection that begins with it is wanted. Flows come in order of time. */
  take(response: GetFlowsResponse, counts: () => boolean): void {
    if (response.responseTypes.case !== "flow") return;
    const flow = response.responseTypes.value;
    const tcp = flow.l4?.protocol.case === "TCP" ? flow.l4.protocol.value : undefined;
    const { IP: ip, time } = flow;
    if (tcp?.flags?.SYN !== true || ip === undefined || time === undefined) return;
    const atNs = instantNs(time);
    if (tcp.flags.ACK) this.#synAck(pairKey(ip.destination, tcp.destinationPort, ip.source, tcp.sourcePort), flow, atNs);
    else this.#syn(pairKey(ip.source, tcp.sourcePort, ip.destination, tcp.destinationPort), flow, atNs, counts);
  }

  /** Every connection that was wanted, in order of its first SYN. */
  waits(): SynWait[] {
    return [...this.#closed, ...this.#open.values()]
      .map(({ flow, firstNs, lastNs, syns, answeredNs, drops }) => ({
        flow,
        firstNs,
        waitNs: (answeredNs ?? lastNs) - firstNs,
        answered: answeredNs !== undefined,
        syns,
        drops: [...drops],
      }))
      .sort((a, b) => Number(a.firstNs - b.firstNs));
  }

  #syn(key: string, flow: Flow, atNs: bigint, counts: () => boolean): void {
    const pending = this.#open.get(key);
    if (pending === undefined || atNs - pending.lastNs > GIVEN_UP_NS || isOver(pending, atNs)) {
      if (pending !== undefined) this.#closed.push(pending);
      this.#open.delete(key);
      if (counts()) this.#open.set(key, { flow, firstNs: atNs, lastNs: atNs, syns: 1, answeredNs: undefined, drops: new Set(dropOf(flow)) });
      return;
    }
    if (atNs - pending.lastNs > SAME_PACKET_NS) pending.syns++;
    pending.lastNs = atNs;
    for (const reason of dropOf(flow)) pending.drops.add(reason);
  }

  #synAck(key: string, flow: Flow, atNs: bigint): void {
    this.#synAcks++;
    const pending = this.#open.get(key);
    if (pending === undefined) return;
    if (flow.verdict !== Verdict.DROPPED) {
      pending.answeredNs ??= atNs;
      return;
    }
    for (const reason of dropOf(flow)) pending.drops.add(reason);
    // It was seen on its way before, and did not arrive.
    if (pending.answeredNs !== undefined && atNs - pending.answeredNs < SAME_PACKET_NS) pending.answeredNs = undefined;
  }
}

/** Answered, and this SYN is none of its copies at another point. */
function isOver({ answeredNs, lastNs }: Pending, atNs: bigint): boolean {
  return answeredNs !== undefined && atNs - lastNs > SAME_PACKET_NS;
}

function dropOf({ verdict, eventType }: Flow): string[] {
  if (verdict !== Verdict.DROPPED || eventType === undefined) return [];
  // A denied policy verdict is followed by its drop.
  return eventType.type === DROP_EVENT ? [dropTypeText("latest", eventType.subType)] : [];
}

const DROP_EVENT = 1;

function pairKey(source: string, sourcePort: TCP["sourcePort"], destination: string, destinationPort: number): string {
  return `${source} ${sourcePort} ${destination} ${destinationPort}`;
}

/** Connections that began in one stretch of time. */
export interface SynSpan {
  readonly fromNs: bigint;
  readonly connections: number;
  readonly slow: number;
  /** The longest wait, 0 when there was none. */
  readonly longestNs: bigint;
}

export interface SlowSyns {
  readonly thresholdNs: bigint;
  readonly connections: number;
  readonly answered: number;
  /** Waits at or above the threshold, longest first. */
  readonly slow: readonly SynWait[];
  /** Of the waits that ended; 0 when none did. */
  readonly p50Ns: bigint;
  readonly p99Ns: bigint;
  readonly spanNs: bigint;
  readonly spans: readonly SynSpan[];
}

/** Stretches of time that people like, s. */
const SPAN_SECONDS = [1n, 2n, 5n, 10n, 15n, 30n, 60n, 120n, 300n, 600n, 900n, 1800n, 3600n, 7200n, 21_600n, 86_400n];
const SPANS_MAX = 30n;

/** Which waits are slow, and when they began. */
export function slowSyns(waits: readonly SynWait[], thresholdNs: bigint): SlowSyns {
  const slow = waits.filter(({ waitNs }) => waitNs >= thresholdNs).sort((a, b) => Number(b.waitNs - a.waitNs) || Number(a.firstNs - b.firstNs));
  const ended = waits.filter(({ answered }) => answered).map(({ waitNs }) => waitNs).sort((a, b) => Number(a - b));
  const first = waits[0]?.firstNs ?? 0n;
  const length = (waits.at(-1)?.firstNs ?? first) - first + 1n;
  const seconds = SPAN_SECONDS.find((each) => length <= each * NS_PER_SECOND * SPANS_MAX) ?? length / (NS_PER_SECOND * SPANS_MAX) + 1n;
  const spanNs = seconds * NS_PER_SECOND;
  return {
    thresholdNs,
    connections: waits.length,
    answered: ended.length,
    slow,
    p50Ns: quantile(ended, 50),
    p99Ns: quantile(ended, 99),
    spanNs,
    spans: spansOf(waits, thresholdNs, spanNs),
  };
}

/** The nearest rank. */
function quantile(sorted: readonly bigint[], percent: number): bigint {
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? 0n;
}

/** Stretches without a connection are there too. */
function spansOf(waits: readonly SynWait[], thresholdNs: bigint, spanNs: bigint): SynSpan[] {
  const last = waits.at(-1);
  if (last === undefined) return [];
  const start = waits[0]!.firstNs - (waits[0]!.firstNs % spanNs);
  const count = Number((last.firstNs - start) / spanNs) + 1;
  const spans = Array.from({ length: count }, (_, i) => ({ fromNs: start + BigInt(i) * spanNs, connections: 0, slow: 0, longestNs: 0n }));
  for (const { firstNs, waitNs } of waits) {
    const span = spans[Number((firstNs - start) / spanNs)]!;
    span.connections++;
    if (waitNs >= thresholdNs) span.slow++;
    if (waitNs > span.longestNs) span.longestNs = waitNs;
  }
  return spans;
}
