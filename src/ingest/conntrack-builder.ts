/** Fills the columns of a conntrack table row by row. */
import { AddressPool } from "./address-pool.js";
import type { ConntrackTable, DumpClock } from "./conntrack-table.js";
import { cutTo, doubled } from "./tuple-table.js";

/** One entry, as the text form has it. */
export interface ConntrackRow {
  protocol: number;
  tupleFlags: number;
  source: number;
  sourcePort: number;
  destination: number;
  destinationPort: number;
  expires: number;
  entryFlags: number;
  revNat: number;
  identity: number;
  backend: number;
  packets: number;
  rxFlags: number;
  txFlags: number;
  lastRx: number;
  lastTx: number;
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
    expires: new Uint32Array(rows),
    entryFlags: new Uint16Array(rows),
    revNat: new Uint16Array(rows),
    identity: new Uint32Array(rows),
    backend: new Uint32Array(rows),
    packets: new Float64Array(rows),
    rxFlags: new Uint8Array(rows),
    txFlags: new Uint8Array(rows),
    lastRx: new Uint32Array(rows),
    lastTx: new Uint32Array(rows),
  };
}

export class ConntrackBuilder {
  readonly addresses = new AddressPool();
  readonly row: ConntrackRow = {
    protocol: 0, tupleFlags: 0, source: 0, sourcePort: 0, destination: 0, destinationPort: 0, expires: 0, entryFlags: 0,
    revNat: 0, identity: 0, backend: 0, packets: 0, rxFlags: 0, txFlags: 0, lastRx: 0, lastTx: 0,
  };
  #columns = emptyColumns(FIRST_ROWS);
  #rows = 0;
  #lastReport = 0;

  get size(): number {
    return this.#rows;
  }

  /** Takes over what stands in `row`. */
  add(): void {
    if (this.#rows === this.#columns.protocol.length) this.#columns = doubled(this.#columns);
    const [i, columns, { row }] = [this.#rows++, this.#columns, this];
    columns.protocol[i] = row.protocol;
    columns.tupleFlags[i] = row.tupleFlags;
    columns.source[i] = row.source;
    columns.sourcePort[i] = row.sourcePort;
    columns.destination[i] = row.destination;
    columns.destinationPort[i] = row.destinationPort;
    columns.expires[i] = row.expires;
    columns.entryFlags[i] = row.entryFlags;
    columns.revNat[i] = row.revNat;
    columns.identity[i] = row.identity;
    columns.backend[i] = row.backend;
    columns.packets[i] = row.packets;
    columns.rxFlags[i] = row.rxFlags;
    columns.txFlags[i] = row.txFlags;
    columns.lastRx[i] = row.lastRx;
    columns.lastTx[i] = row.lastTx;
    this.#lastReport = Math.max(this.#lastReport, row.lastRx, row.lastTx);
  }

  /** `clock`: as the dump told it; else the latest report of an event is the estimate. */
  finish(clock: DumpClock | undefined): ConntrackTable {
    const estimate: DumpClock | undefined = this.#lastReport === 0 ? undefined : { now: this.#lastReport, source: "last-report" };
    return { size: this.#rows, addresses: this.addresses, ...cutTo(this.#columns, this.#rows), clock: clock ?? estimate };
  }
}
