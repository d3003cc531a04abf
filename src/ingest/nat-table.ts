/** NAT entries as `cilium bpf nat list` shows them (pkg/maps/nat/ipv4.go and ipv6.go), in columns. Two entries make a mapping. */
import type { Skipped } from "./skipped.js";
import type { TupleTable } from "./tuple-table.js";

export interface NatTable extends TupleTable {
  /** Number of the address that is put in place of the source (outgoing entries) or destination (incoming ones). */
  readonly toAddress: Int32Array;
  readonly toPort: Uint16Array;
  /** Seconds since the entry was made; NaN when the dump does not say. */
  readonly age: Float64Array;
  /** 1: packets of the mapping are tracked too (`NeedsCT`). 0 in dumps of 1.13 and earlier. */
  readonly needsCt: Uint8Array;
}

export interface NatDump {
  readonly table: NatTable;
  readonly skipped: Skipped;
}

/** `cilium bpf nat retries list`: index is the number of retries, value how often a port search took so many. */
export interface NatRetries {
  readonly counts: readonly number[];
  readonly skipped: Skipped;
}
