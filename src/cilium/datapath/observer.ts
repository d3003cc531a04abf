/**
 * Who looks over the shoulder of one packet: every map operation with key and result, every choice and status, in
 * order. The base of traced runs and of explanations; costs one comparison for each operation while nobody looks.
 */

import type { BpfMap } from "../../bpf/map.js";

export interface DatapathObserver {
  /** A program starts: `hook` names it (`cil_from_container` …). */
  hook(name: string): void;
  /** A lookup: `op` OP_*, the key's row (good only during the call), slot or negated error number. */
  lookup(op: number, map: BpfMap, key: Int32Array, slot: number): void;
  update(op: number, map: BpfMap, key: Int32Array, slot: number): void;
  remove(op: number, map: BpfMap, key: Int32Array, result: number): void;
  /** A conntrack status was settled: direction CT_*, status CT_*. */
  conntrack(direction: number, status: number, monitor: number): void;
  /** Port chosen by SNAT after `tries` further tries; -1 when none was free. */
  natPort(port: number, tries: number): void;
  /** Backend chosen for a service. */
  backend(revNatIndex: number, backendId: number): void;
  /** Verdict of a policy lookup. */
  policy(egress: boolean, identity: number, verdict: number, match: number): void;
  random(value: number): void;
  signal(type: number, family: number): void;
}
