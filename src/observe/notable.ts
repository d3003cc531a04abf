/**
 * The connections of a run that deserve a look, few of each kind: slowest, failed, broken, and the first ones that lost a
 * packet for each reason. What `ctlab explain` finds them by. Counting goes on elsewhere; here are names.
 */

/** What happened to the connection. */
export const NOTABLE_KINDS = ["failed", "broken", "slow-connect", "slow-answer", "dropped"] as const;
export type NotableKind = (typeof NOTABLE_KINDS)[number];

/** Kept of each kind; of drops for each reason. */
const KEPT = 64;
const KEPT_OF_A_REASON = 16;
/** Reasons with connections; a run has a handful. */
const REASONS_MAX = 32;

/** Names a flow: addresses are words in network byte order, of IPv6 ends the last one. */
export interface FlowName {
  /** Index of the workload. */
  readonly workload: number;
  /** Which connection of its workload, from 1. */
  readonly nth: number;
  /** IP protocol number. */
  readonly protocol: number;
  readonly ipv6: boolean;
  readonly source: number;
  readonly sourcePort: number;
  readonly target: number;
  readonly targetPort: number;
}

export interface NotableConnection extends FlowName {
  readonly kind: NotableKind;
  /** When it was noted. */
  readonly atNs: number;
  /** Until it was connected, answered (of TCP without the server's own work) or given up; 0 for drops. */
  readonly spanNs: number;
  /** Cilium's number and `ext_error` of the drop; null for other kinds. */
  readonly drop: { readonly code: number; readonly extError: number } | null;
}

/** The slowest so far; equal ones in the order in which they came. */
class Slowest {
  readonly kept: NotableConnection[] = [];
  /** Nothing that took no longer gets in. */
  floorNs = -1;

  add(connection: NotableConnection): void {
    this.kept.push(connection);
    this.kept.sort((a, b) => b.spanNs - a.spanNs || a.atNs - b.atNs);
    if (this.kept.length > KEPT) this.kept.pop();
    if (this.kept.length === KEPT) this.floorNs = this.kept[KEPT - 1]!.spanNs;
  }
}

export class NotableConnections {
  readonly #connects = new Slowest();
  readonly #answers = new Slowest();
  readonly #failed: NotableConnection[] = [];
  readonly #broken: NotableConnection[] = [];
  readonly #dropped: NotableConnection[] = [];
  /** Connections kept by reason, code and ext_error in one number. */
  readonly #reasons = new Map<number, number>();
  #lastReason = 0;
  #lastReasonFull = false;

  /** A connect() that took longer belongs to the slowest so far. */
  get connectFloorNs(): number {
    return this.#connects.floorNs;
  }

  get answerFloorNs(): number {
    return this.#answers.floorNs;
  }

  connected(flow: FlowName, atNs: number, spanNs: number): void {
    this.#connects.add({ kind: "slow-connect", ...flow, atNs, spanNs, drop: null });
  }

  answered(flow: FlowName, atNs: number, spanNs: number): void {
    this.#answers.add({ kind: "slow-answer", ...flow, atNs, spanNs, drop: null });
  }

  /** Whether another connection that failed is worth naming. */
  get wantsFailed(): boolean {
    return this.#failed.length < KEPT;
  }

  failed(flow: FlowName, atNs: number, spanNs: number): void {
    this.#failed.push({ kind: "failed", ...flow, atNs, spanNs, drop: null });
  }

  get wantsBroken(): boolean {
    return this.#broken.length < KEPT;
  }

  broken(flow: FlowName, atNs: number, spanNs: number): void {
    this.#broken.push({ kind: "broken", ...flow, atNs, spanNs, drop: null });
  }

  /** Whether another connection that lost a packet for this reason is worth naming. */
  wantsDropped(code: number, extError: number): boolean {
    const reason = reasonOf(code, extError);
    if (reason === this.#lastReason) return !this.#lastReasonFull;
    const kept = this.#reasons.get(reason) ?? (this.#reasons.size < REASONS_MAX ? 0 : KEPT_OF_A_REASON);
    this.#lastReason = reason;
    this.#lastReasonFull = kept >= KEPT_OF_A_REASON;
    return !this.#lastReasonFull;
  }

  /** A packet of the flow was dropped; flows that are named already for that reason are not named again. */
  dropped(flow: FlowName, code: number, extError: number, atNs: number): void {
    const again = this.#dropped.some(({ workload, nth, drop }) => {
      return workload === flow.workload && nth === flow.nth && drop!.code === code && drop!.extError === extError;
    });
    if (again) return;
    const reason = reasonOf(code, extError);
    const kept = (this.#reasons.get(reason) ?? 0) + 1;
    this.#reasons.set(reason, kept);
    this.#lastReason = reason;
    this.#lastReasonFull = kept >= KEPT_OF_A_REASON;
    this.#dropped.push({ kind: "dropped", ...flow, atNs, spanNs: 0, drop: { code, extError } });
  }

  /** Worst first: failed, broken, slow to connect, slow to answer; then those that lost packets, in the order of time. */
  list(): readonly NotableConnection[] {
    return [...this.#failed, ...this.#broken, ...this.#connects.kept, ...this.#answers.kept, ...this.#dropped];
  }
}

/** Both are 16 bits wide at most. */
function reasonOf(code: number, extError: number): number {
  return (code << 16) | (extError & 0xffff);
}
