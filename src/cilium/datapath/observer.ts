/**
 * Who looks over the shoulder of one packet: every map operation with key and result, every choice and status, in
 * order. The base of traced runs and of explanations; costs one comparison for each operation while nobody looks.
 */

import type { BpfMap } from "../../bpf/map.js";

export interface DatapathObserver {
  /** A program starts: `name` is Cilium's (`cil_from_container` …). */
  hook(name: string): void;
  /** A lookup: `op` OP_*, the key's row (good only during the call), slot or negated error number. */
  lookup(op: number, map: BpfMap, key: Int32Array, slot: number): void;
  update(op: number, map: BpfMap, key: Int32Array, slot: number): void;
  remove(op: number, map: BpfMap, key: Int32Array, result: number): void;
  /** A conntrack status was settled: direction CT_*, status CT_*. */
  conntrack(direction: number, status: number, monitor: number): void;
  /** Port chosen by SNAT after `tries` further tries; negative when none was free. */
  natPort(port: number, tries: number): void;
  /** Backend chosen for a service. */
  backend(revNatIndex: number, backendId: number): void;
  /** Verdict of a policy lookup: 0 or a negative drop reason; `match` POLICY_MATCH_*. */
  policy(egress: boolean, identity: number, verdict: number, match: number): void;
  random(value: number): void;
  signal(type: number, family: number): void;
  /** A trace point was passed; `emitted`: its event was not suppressed. */
  traced(point: number, reason: number, monitor: number, emitted: boolean): void;
  /** A policy-verdict event went out: negative drop reason, 0, or the proxy port in network order. */
  verdictEvent(egress: boolean, verdict: number): void;
  /** A trace-sock event went out: XLATE_*. */
  sockEvent(point: number): void;
  /** The packet was dropped: positive reason, signed extra error. */
  dropped(reason: number, extError: number): void;
  /** The program redirects to that device. */
  redirected(ifindex: number): void;
}

/** An observer that sees nothing, to derive from. */
export class SilentObserver implements DatapathObserver {
  hook(_name: string): void {}
  lookup(_op: number, _map: BpfMap, _key: Int32Array, _slot: number): void {}
  update(_op: number, _map: BpfMap, _key: Int32Array, _slot: number): void {}
  remove(_op: number, _map: BpfMap, _key: Int32Array, _result: number): void {}
  conntrack(_direction: number, _status: number, _monitor: number): void {}
  natPort(_port: number, _tries: number): void {}
  backend(_revNatIndex: number, _backendId: number): void {}
  policy(_egress: boolean, _identity: number, _verdict: number, _match: number): void {}
  random(_value: number): void {}
  signal(_type: number, _family: number): void {}
  traced(_point: number, _reason: number, _monitor: number, _emitted: boolean): void {}
  verdictEvent(_egress: boolean, _verdict: number): void {}
  sockEvent(_point: number): void {}
  dropped(_reason: number, _extError: number): void {}
  redirected(_ifindex: number): void {}
}
