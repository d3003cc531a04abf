/** Drops by reason, errno and direction, split by window and by whether the connection was established. */

/** Different (reason, errno, direction) triples that one run can show; the drop table has 80 reasons. */
const KINDS_MAX = 256;

export class DropCounter {
  readonly #code = new Int32Array(KINDS_MAX);
  readonly #extError = new Int32Array(KINDS_MAX);
  readonly #egress = new Uint8Array(KINDS_MAX);
  readonly #counts = new Float64Array(KINDS_MAX * 3);
  readonly #firstNs = new Float64Array(KINDS_MAX);
  readonly #lastNs = new Float64Array(KINDS_MAX);
  #kinds = 0;
  /** All drops so far. */
  total = 0;
  /** Drops of packets whose connection was already established. */
  established = 0;

  /** One dropped packet: Cilium's code, `ext_error` (0 or -errno), direction, window, connection state, time. */
  record(code: number, extError: number, egress: boolean, where: number, established: boolean, atNs: number): void {
    const kind = this.#kindOf(code, extError, egress ? 1 : 0, atNs);
    this.#counts[kind * 3 + where]!++;
    if (established) this.#counts[kind * 3 + 2]!++;
    this.#lastNs[kind] = atNs;
    this.total++;
    if (established) this.established++;
  }

  #kindOf(code: number, extError: number, egress: number, atNs: number): number {
    for (let kind = 0; kind < this.#kinds; kind++) {
      if (this.#code[kind] === code && this.#extError[kind] === extError && this.#egress[kind] === egress) return kind;
    }
    if (this.#kinds === KINDS_MAX) throw new RangeError(`more than ${KINDS_MAX} kinds of drops in one run`);
    const kind = this.#kinds++;
    this.#code[kind] = code;
    this.#extError[kind] = extError;
    this.#egress[kind] = egress;
    this.#firstNs[kind] = atNs;
    return kind;
  }

  /** Drops with that code so far. */
  ofCode(code: number): number {
    let sum = 0;
    for (let kind = 0; kind < this.#kinds; kind++) {
      if (this.#code[kind] === code) sum += this.#counts[kind * 3]! + this.#counts[kind * 3 + 1]!;
    }
    return sum;
  }

  /** Every kind seen, by falling count. */
  kinds(): readonly DropKind[] {
    const list = Array.from({ length: this.#kinds }, (_, kind) => ({
      code: this.#code[kind]!,
      extError: this.#extError[kind]!,
      egress: this.#egress[kind] === 1,
      outside: this.#counts[kind * 3]!,
      inside: this.#counts[kind * 3 + 1]!,
      established: this.#counts[kind * 3 + 2]!,
      firstNs: this.#firstNs[kind]!,
      lastNs: this.#lastNs[kind]!,
    }));
    return list.sort((a, b) => b.inside + b.outside - (a.inside + a.outside) || a.code - b.code || a.extError - b.extError);
  }
}

export interface DropKind {
  readonly code: number;
  readonly extError: number;
  readonly egress: boolean;
  readonly inside: number;
  readonly outside: number;
  readonly established: number;
  readonly firstNs: number;
  readonly lastNs: number;
}
