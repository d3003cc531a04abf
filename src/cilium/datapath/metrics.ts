/**
 * `cilium_metrics`: packets and bytes by reason and direction. bpf/lib/metrics.h.
 *
 * The real map is a per-CPU hash whose key also holds source file and line; a call site that has not counted before
 * costs an insert. Counts are summed over CPUs here, since nobody asks for one CPU's.
 */

/** Codes are bytes. */
const REASONS = 256;
/** METRIC_INGRESS, METRIC_EGRESS, METRIC_SERVICE, and 0. */
const DIRECTIONS = 4;
/** Call sites told apart: 32 in each of four programs. */
const SITES = 128;

export class MetricsTable {
  readonly #packets = new Float64Array(REASONS * DIRECTIONS);
  readonly #bytes = new Float64Array(REASONS * DIRECTIONS);
  readonly #seen = new Uint8Array(REASONS * DIRECTIONS * SITES);

  /** Counts one packet; returns whether this call site is new to the map (one insert). */
  count(reason: number, direction: number, site: number, bytes: number): boolean {
    const at = reason * DIRECTIONS + direction;
    this.#packets[at]! += 1;
    this.#bytes[at]! += bytes;
    const key = at * SITES + site;
    const fresh = this.#seen[key] === 0;
    this.#seen[key] = 1;
    return fresh;
  }

  packets(reason: number, direction: number): number {
    return this.#packets[reason * DIRECTIONS + direction]!;
  }
  bytes(reason: number, direction: number): number {
    return this.#bytes[reason * DIRECTIONS + direction]!;
  }

  /** Calls `visit` for each reason and direction that counted something, in order. */
  forEach(visit: (reason: number, direction: number, packets: number, bytes: number) => void): void {
    for (let at = 0; at < this.#packets.length; at++) {
      if (this.#packets[at] === 0) continue;
      visit(Math.floor(at / DIRECTIONS), at % DIRECTIONS, this.#packets[at]!, this.#bytes[at]!);
    }
  }
}
