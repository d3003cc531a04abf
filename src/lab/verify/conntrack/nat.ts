/** Kind `nat`: port allocation, its repair after evictions, and the way back. */

import type { BpfMap } from "../../../bpf/map.js";
import { DEFAULT_DATAPATH, DEFAULT_NAT } from "../../../cilium/datapath/config.js";
import { DROP_NAT_NO_MAPPING, NAT_PUNT_TO_STACK } from "../../../cilium/datapath/drop-reasons.js";
import { snatEgress, snatReverse } from "../../../cilium/datapath/nat.js";
import { SilentObserver } from "../../../cilium/datapath/observer.js";
import { OP_NAT_UPDATE } from "../../../cilium/datapath/ops.js";
import { ICMP_ECHO, ICMP_ECHOREPLY, IPPROTO_ICMP } from "../../../cilium/datapath/packet.js";
import type { Packet } from "../../../cilium/datapath/packet.js";
import { formatIpv4, htons, ipv4 } from "../../../cilium/maps/address.js";
import { TUPLE_F_IN, Tuple } from "../../../cilium/maps/tuple.js";
import type { Difference } from "../case.js";
import { firstDifference } from "../compare.js";
import { PROTOCOLS, tupleOf } from "../map-entries.js";
import { Bench, elementText, parseEndpoint, typeName } from "./bench.js";
import type { NatStep, NatVector } from "./shapes.js";

/** Notes the ports that an allocation tried: destination ports of reverse keys. */
class PortObserver extends SilentObserver {
  readonly ports = new Set<number>();
  override update(op: number, _map: BpfMap, key: Int32Array): void {
    if (op === OP_NAT_UPDATE && key[3]! >>> 8 === TUPLE_F_IN) this.ports.add(htons(key[2]! & 0xffff));
  }
}

type EgressStep = Extract<NatStep, { op: "snatEgress" }>;
type ReverseStep = Extract<NatStep, { op: "snatReverse" }>;

export function compareNat(vector: NatVector): Difference | undefined {
  const bench = new Bench(vector.config);
  let portsTried = 0;
  for (const [i, step] of vector.steps.entries()) {
    const where = `step ${i}`;
    bench.begin(step.t);
    let difference: Difference | undefined;
    switch (step.op) {
      case "snatEgress": {
        const observer = new PortObserver();
        bench.datapath.observer = observer;
        difference = egressStep(bench, where, step);
        portsTried = Math.max(portsTried, observer.ports.size);
        break;
      }
      case "snatReverse":
        difference = reverseStep(bench, where, step);
        break;
      case "occupyReverse":
        occupy(bench, step.proto, step.remote, step.snatAddr, step.ports);
        break;
      case "evict":
        if (bench.mapNamed(step.map)?.remove(tupleOf({ ...step.key, type: typeName(step.key.type) }).words, 0, 0) !== 0) {
          difference = { where, expected: "an entry to evict", actual: "no such entry" };
        }
        break;
      case "failInserts":
        if (!bench.failInserts(step.map, step.errno)) difference = { where, expected: "a known map", actual: step.map };
        break;
    }
    if (difference !== undefined) return difference;
  }
  return vector.distinctPortsTried === undefined
    ? undefined
    : firstDifference("distinctPortsTried", vector.distinctPortsTried, portsTried);
}

function fill(bench: Bench, step: EgressStep | ReverseStep): void {
  const { packet } = bench.datapath;
  const source = parseEndpoint(step.src);
  const destination = parseEndpoint(step.dst);
  packet.reset();
  packet.protocol = PROTOCOLS[step.proto]!;
  packet.saddr = source.address;
  packet.daddr = destination.address;
  if (packet.protocol === IPPROTO_ICMP) {
    const request = step.op === "snatEgress";
    packet.icmpType = request ? ICMP_ECHO : ICMP_ECHOREPLY;
    packet.icmpId = request ? source.port : destination.port;
  } else {
    packet.sport = source.port;
    packet.dport = destination.port;
  }
}

/** The translated port, or an echo's identifier. */
function portOf(packet: Packet, port: number): number {
  return packet.protocol === IPPROTO_ICMP ? packet.icmpId : port;
}

function egressStep(bench: Bench, where: string, step: EgressStep): Difference | undefined {
  const { datapath: dp } = bench;
  const { natTarget, packet } = dp;
  fill(bench, step);
  bench.random = step.prandom16;
  natTarget.address[0] = ipv4(step.snatAddr);
  natTarget.portMin = step.minPort;
  natTarget.portMax = step.maxPort;
  natTarget.needsCt = step.needsCt;
  // The vectors call the translation itself, behind the rule for low ports of foreign sources.
  natTarget.fromLocalEndpoint = true;
  natTarget.egressGateway = false;
  const ret = snatEgress(dp, natTarget);
  const { expect } = step;
  const verdict = ret === 0 ? "snat" : "drop";
  return (
    firstDifference(`${where} verdict`, expect.verdict, verdict) ??
    firstDifference(`${where} mapLookups`, expect.mapLookups, bench.lookups) ??
    firstDifference(`${where} mapUpdateAttempts`, expect.mapUpdateAttempts, bench.updates) ??
    firstDifference(`${where} prandomCalls`, expect.prandomCalls, bench.draws) ??
    firstDifference(`${where} toAddr`, expect.toAddr, ret === 0 ? formatIpv4(packet.saddr) : undefined) ??
    firstDifference(`${where} toPort`, expect.toPort, ret === 0 ? portOf(packet, packet.sport) : undefined) ??
    firstDifference(`${where} dropReason`, expect.dropReason, ret < 0 ? -ret : undefined) ??
    firstDifference(`${where} extErr`, expect.extErr ?? 0, dp.extError) ??
    firstDifference(`${where} signals`, expect.signals ?? [], bench.signals) ??
    compareContents(bench, where, expect.map)
  );
}

function compareContents(bench: Bench, where: string, map: EgressStep["expect"]["map"]): Difference | undefined {
  if (map === undefined) return undefined;
  return firstDifference(`${where} map`, map.map(elementText).sort(), bench.contents());
}

/** Names of the outcomes of a reverse translation; the vectors may add an explanation in parentheses. */
function reverseVerdict(ret: number): string {
  if (ret === DROP_NAT_NO_MAPPING) return "no-mapping";
  if (ret === NAT_PUNT_TO_STACK) return "punt-to-stack";
  return ret === 0 ? "reverse-snat" : `drop ${-ret}`;
}

function reverseStep(bench: Bench, where: string, step: ReverseStep): Difference | undefined {
  const { datapath: dp } = bench;
  fill(bench, step);
  const ret = snatReverse(dp);
  const { expect } = step;
  const { packet } = dp;
  return (
    firstDifference(`${where} verdict`, expect.verdict.replace(/ \(.*\)$/, ""), reverseVerdict(ret)) ??
    firstDifference(`${where} mapLookups`, expect.mapLookups, bench.lookups) ??
    firstDifference(`${where} mapUpdateAttempts`, expect.mapUpdateAttempts ?? 0, bench.updates) ??
    firstDifference(`${where} toAddr`, expect.toAddr, ret === 0 ? formatIpv4(packet.daddr) : undefined) ??
    firstDifference(`${where} toPort`, expect.toPort, ret === 0 ? portOf(packet, packet.dport) : undefined) ??
    firstDifference(`${where} internalCode`, expect.internalCode, ret === DROP_NAT_NO_MAPPING ? -ret : undefined) ??
    compareContents(bench, where, expect.map)
  );
}

/** Foreign reverse entries, all zero, on those ports. */
function occupy(bench: Bench, proto: string, remote: string, snatAddr: string, ports: readonly number[]): void {
  const nat = bench.maps.snatV4External;
  const { address, port: remotePort } = parseEndpoint(remote);
  const key = new Tuple();
  key.words[0] = ipv4(snatAddr);
  key.words[1] = address;
  key.setProtocolAndFlags(PROTOCOLS[proto]!, TUPLE_F_IN);
  for (const port of ports) {
    key.setPorts(port, remotePort);
    nat.map.update(key.words, 0, 0, 0);
  }
}

/** A NAT bench with the defaults of the release. */
export function natBench(entries?: number, sctp = false): Bench {
  return new Bench({}, { ...DEFAULT_DATAPATH, nat: DEFAULT_NAT, sctp }, entries);
}
