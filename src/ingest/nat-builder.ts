/** Fills the columns of a NAT table row by row. */
import { AddressPool } from "./address-pool.js";
import type { NatTable } from "./nat-table.js";
import { cutTo, doubled } from "./tuple-table.js";

export interface NatRow {
  readonly protocol: number;
  readonly tupleFlags: number;
  readonly source: number;
  readonly sourcePort: number;
  readonly destination: number;
  readonly destinationPort: number;
  readonly toAddress: number;
  readonly toPort: number;
  readonly age: number;
  readonly needsCt: number;
}

const FIRST_ROWS = 1024;

function emptyColumns(rows: number) {
  return {
    protocol: new Uint8Array(rows),
    tupleFlags: new Uint8Array(rows),
    source: new Int32Array(rows),
    sourcePort: new Uint16Array(rows),
    destination: new Int32Array(rows),
    destinationPort: new Uint16Array(rows),
    toAddress: new Int32Array(rows),
    toPort: new Uint16Array(rows),
    age: new Float64Array(rows),
    needsCt: new Uint8Array(rows),
  };
}

export class NatBuilder {
  readonly addresses = new AddressPool();
  #columns = emptyColumns(FIRST_ROWS);
  #rows = 0;

  get size(): number {
    return this.#rows;
  }

  add(row: NatRow): void {
    if (this.#rows === this.#columns.protocol.length) this.#columns = doubled(this.#columns);
    const [i, columns] = [this.#rows++, this.#columns];
    columns.protocol[i] = row.protocol;
    columns.tupleFlags[i] = row.tupleFlags;
    columns.source[i] = row.source;
    columns.sourcePort[i] = row.sourcePort;
    columns.destination[i] = row.destination;
    columns.destinationPort[i] = row.destinationPort;
    columns.toAddress[i] = row.toAddress;
    columns.toPort[i] = row.toPort;
    columns.age[i] = row.age;
    columns.needsCt[i] = row.needsCt;
  }

  finish(): NatTable {
    return { size: this.#rows, addresses: this.addresses, ...cutTo(this.#columns, this.#rows) };
  }
}
