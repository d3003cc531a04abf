/** Finds the row of a tuple: a hash of row numbers over a table's columns. Addresses are numbers of that table. */
import type { TupleTable } from "./tuple-table.js";

const EMPTY = -1;
/** Mixing constants of Fibonacci hashing and of MurmurHash3's finalizer. */
const GOLDEN = 0x9e3779b1;
const FINAL = 0x85ebca6b;
const SMALLEST = 16;

export class TupleIndex {
  readonly #table: TupleTable;
  readonly #rows: Int32Array;
  readonly #mask: number;

  constructor(table: TupleTable) {
    this.#table = table;
    let capacity = SMALLEST;
    while (capacity < table.size * 2) capacity *= 2;
    this.#rows = new Int32Array(capacity).fill(EMPTY);
    this.#mask = capacity - 1;
    for (let row = 0; row < table.size; row++) {
      const { protocol, tupleFlags, source, sourcePort, destination, destinationPort } = table;
      this.#rows[this.#place(protocol[row]!, tupleFlags[row]!, source[row]!, sourcePort[row]!, destination[row]!, destinationPort[row]!)] = row;
    }
  }

  /** The row of a tuple, the last one if it stands there twice, or -1. */
  find(protocol: number, tupleFlags: number, source: number, sourcePort: number, destination: number, destinationPort: number): number {
    return this.#rows[this.#place(protocol, tupleFlags, source, sourcePort, destination, destinationPort)]!;
  }

  #place(protocol: number, tupleFlags: number, source: number, sourcePort: number, destination: number, destinationPort: number): number {
    const table = this.#table;
    let hash = Math.imul(source, GOLDEN);
    hash = Math.imul((hash ^ (hash >>> 15)) + destination, GOLDEN);
    hash = Math.imul((hash ^ (hash >>> 15)) + ((sourcePort << 16) | destinationPort), GOLDEN);
    hash = Math.imul((hash ^ (hash >>> 15)) + ((protocol << 8) | tupleFlags), GOLDEN);
    hash = Math.imul(hash ^ (hash >>> 16), FINAL);
    for (let at = (hash ^ (hash >>> 13)) & this.#mask; ; at = (at + 1) & this.#mask) {
      const row = this.#rows[at]!;
      if (row === EMPTY) return at;
      const isSame =
        table.source[row] === source &&
        table.destination[row] === destination &&
        table.sourcePort[row] === sourcePort &&
        table.destinationPort[row] === destinationPort &&
        table.protocol[row] === protocol &&
        table.tupleFlags[row] === tupleFlags;
      if (isSame) return at;
    }
  }
}
