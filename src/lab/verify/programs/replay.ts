/** Replays one recorded history on the simulator and compares everything that was recorded, step by step. */

import type { BpfMap } from "../../../bpf/map.js";
import { VERDICT_DELIVER, VERDICT_DROP, VERDICT_NAMES, VERDICT_TUNNEL } from "../../../cilium/datapath/datapath.js";
import { SilentObserver } from "../../../cilium/datapath/observer.js";
import { OP_COUNT, OP_FIB_LOOKUP, OP_NAMES } from "../../../cilium/datapath/ops.js";
import { MARK_HOST, Packet, XFER_PKT_ENCAP, XFER_PKT_NO_SVC, XFER_PKT_SNAT_DONE } from "../../../cilium/datapath/packet.js";
import { formatIpv4, ipv4 } from "../../../cilium/maps/address.js";
import type { Difference } from "../case.js";
import { firstDifference } from "../compare.js";
import { tcpFlagBits, tcpFlagNames, tupleOf } from "../map-entries.js";
import type { TupleKey } from "../map-entries.js";
import { differenceOfContents, keyText, readContents, valueText } from "./contents.js";
import type { Contents } from "./contents.js";
import { fillPacket, packetHeaders } from "./packets.js";
import { EventRecorder } from "./recorder.js";
import { PODS, TestNode } from "./test-node.js";
import type { Pod } from "./test-node.js";
import type { Expectation, PacketStep, ProgramVector, RecordedKey, RecordedMap, Step } from "./vectors.js";

/** Columns of `mapOps` that are counters of map operations: the other ones have fields of their own or are not recorded. */
const RECORDED_OPERATIONS = OP_NAMES.filter((name) => name.includes(".") && !/^(run|event)\./.test(name));

/** XDP programs were recorded by test runs of the kernel, which pretend that the packet came by the loopback device. */
const XDP_TEST_DEVICE = 1;

/** Names of the programs that started, in order; nothing else is observed. */
class PathObserver extends SilentObserver {
  path: string[] = [];
  override hook(name: string): void {
    if (name.startsWith("cil_")) this.path.push(name);
  }
}

export class Replay {
  readonly #vector: ProgramVector;
  readonly #recorder: EventRecorder;
  readonly #observer = new PathObserver();
  readonly #node: TestNode;
  readonly #packet = new Packet();
  readonly #expected: Contents = new Map();

  constructor(vector: ProgramVector) {
    this.#vector = vector;
    const devices = new Map<number, string | number>(PODS.map((pod) => [pod.ifindex, `pod:${pod.name}`]));
    this.#recorder = new EventRecorder(devices);
    this.#node = new TestNode(vector.config, vector.setup, this.#recorder);
    const { node, loadBalancer } = this.#node.datapath.config;
    devices.set(node.nativeIfindex, loadBalancer.xdp ? XDP_TEST_DEVICE : "native").set(node.tunnelIfindex, "overlay");
    this.#node.datapath.observer = this.#observer;
  }

  /** First difference, or undefined when every step agrees. */
  run(): Difference | undefined {
    for (const [i, step] of this.#vector.steps.entries()) {
      const difference = this.#step(`step ${i}`, step);
      if (difference !== undefined) return difference;
    }
    return this.#vector.final === undefined ? undefined : this.#compareFinal(this.#vector.final);
  }

  #step(where: string, step: Step): Difference | undefined {
    this.#node.datapath.now = Math.floor(step.t);
    switch (step.op) {
      case "packet":
        return this.#packetStep(where, step);
      case "evict":
        return this.#evict(where, step.map, step.key);
      case "insertNat":
        return this.#insertNat(step.key, step.nat);
      case "setService":
        this.#node.setService(step.service, this.#vector.setup);
        return undefined;
      case "setBackend":
        this.#node.setBackend(step.backend);
        return undefined;
      case "delBackend":
        this.#node.deleteBackend(step.id);
        return undefined;
      case "setPolicy":
        this.#node.setPolicy(podNamed(step.pod), step.policy);
        return undefined;
    }
  }

  #evict(where: string, map: RecordedMap, key: RecordedKey): Difference | undefined {
    if (!("daddr" in key)) return { where, expected: "a conntrack or NAT key", actual: JSON.stringify(key) };
    const { words } = tupleOf(key as TupleKey);
    const removed = this.#mapNamed(map).remove(words, 0, 0);
    if (removed < 0) return { where, expected: `${keyText(map, key)} to evict`, actual: "no such entry" };
    this.#expected.delete(keyText(map, key));
    return undefined;
  }

  #insertNat(key: TupleKey & RecordedKey, value: { to_addr: string; to_port: number; needs_ct: number; created: number }): undefined {
    const nat = this.#node.maps.snatV4External;
    const slot = nat.map.update(tupleOf(key).words, 0, 0, 0);
    nat.setCreated(slot, value.created);
    nat.setNeedsCt(slot, value.needs_ct !== 0);
    nat.setToAddr(slot, Int32Array.of(ipv4(value.to_addr)), 0);
    nat.setToPort(slot, value.to_port);
    this.#expected.set(keyText("snat_v4_external", key), valueText(value));
    return undefined;
  }

  #mapNamed(name: RecordedMap): BpfMap {
    const map = this.#node.maps.get(name);
    if (map === undefined) throw new Error(`no map ${name}`);
    return map;
  }

  #packetStep(where: string, step: PacketStep): Difference | undefined {
    const { datapath, random } = this.#node;
    fillPacket(this.#packet, step.packet);
    this.#recorder.events = [];
    this.#observer.path = [];
    this.#node.signals = [];
    random.hand(step.random ?? []);
    datapath.ops.fill(0);
    const verdict = datapath.follow(this.#packet, this.#inject(step));
    return (
      this.#compareOutcome(where, step, verdict) ??
      firstDifference(`${where} random numbers drawn`, step.random?.length ?? 0, random.drawn) ??
      this.#compareContents(where, step.expect)
    );
  }

  /** Runs the program at the packet's hook. */
  #inject(step: PacketStep): number {
    const { datapath } = this.#node;
    const packet = this.#packet;
    switch (step.at) {
      case "network":
        return datapath.fromNetdev(packet);
      case "xdp":
        return datapath.xdpEntry(packet);
      case "overlay":
        return datapath.fromOverlay(packet);
      case "host-out":
        packet.mark = MARK_HOST;
        return datapath.toNetdev(packet);
      case "host-to-pod":
        packet.mark = MARK_HOST;
        return datapath.fromHost(packet);
      default:
        return datapath.fromContainer(packet, podNamed(step.at.slice("pod:".length)).lxcId);
    }
  }

  #compareOutcome(where: string, { expect, packet: sent }: PacketStep, verdict: number): Difference | undefined {
    const { datapath } = this.#node;
    const dropped = verdict === VERDICT_DROP;
    const { tunnelKey, tunnelRemote } = this.#packet;
    const xfer = xferNames(this.#packet.xfer);
    return (
      firstDifference(`${where} path`, expect.path, this.#observer.path) ??
      firstDifference(`${where} verdict`, expect.verdict, this.#verdictText(verdict)) ??
      firstDifference(`${where} dropReason`, expect.dropReason, dropped ? datapath.dropReason : undefined) ??
      firstDifference(`${where} extError`, expect.extError ?? 0, dropped ? datapath.extError : 0) ??
      firstDifference(
        `${where} tunnel`,
        expect.tunnel,
        verdict === VERDICT_TUNNEL ? { id: tunnelKey, remote: formatIpv4(tunnelRemote) } : undefined,
      ) ??
      (expect.verdict === "pass" ? firstDifference(`${where} xferFlags`, expect.xferFlags ?? [], xfer) : undefined) ??
      this.#compareHeaders(where, expect, sent) ??
      (expect.events === undefined ? undefined : firstDifference(`${where} events`, expect.events, this.#recorder.events)) ??
      firstDifference(`${where} signals`, expect.signals ?? [], this.#node.signals) ??
      this.#compareOperations(where, expect)
    );
  }

  #verdictText(verdict: number): string {
    if (verdict !== VERDICT_DELIVER) return VERDICT_NAMES[verdict]!;
    const pod = PODS.find(({ lxcId }) => lxcId === this.#node.datapath.deliveredTo);
    return `deliver pod:${pod?.name ?? this.#node.datapath.deliveredTo}`;
  }

  /** `badChecksum` is a property of the original that nobody should imitate: information only. */
  #compareHeaders(where: string, expect: Expectation, sent: PacketStep["packet"]): Difference | undefined {
    if (expect.out === undefined) return undefined;
    const { badChecksum: _ignored, ...recorded } = expect.out;
    return firstDifference(`${where} out`, inFlagOrder(recorded), packetHeaders(this.#packet, expect.out, sent));
  }

  #compareOperations(where: string, expect: Expectation): Difference | undefined {
    const { ops } = this.#node.datapath;
    if (expect.fibLookups !== undefined) {
      const difference = firstDifference(`${where} fibLookups`, expect.fibLookups, ops[OP_FIB_LOOKUP]);
      if (difference !== undefined) return difference;
    }
    if (expect.mapOps === undefined) return undefined;
    const expected: Record<string, number> = {};
    for (const [map, counts] of Object.entries(expect.mapOps)) {
      for (const [operation, count] of Object.entries(counts)) expected[`${map}.${operation}`] = Number(count);
    }
    const actual: Record<string, number> = {};
    for (let op = 0; op < OP_COUNT; op++) {
      const name = OP_NAMES[op]!;
      if (ops[op] !== 0 && RECORDED_OPERATIONS.includes(name)) actual[name] = ops[op]!;
    }
    return firstDifference(`${where} mapOps`, expected, actual);
  }

  #compareContents(where: string, expect: Expectation): Difference | undefined {
    for (const { map, key, entry, nat } of expect.changes.set ?? []) {
      const value = entry ?? nat;
      if (value === undefined) return { where: `${where} ${keyText(map, key)}`, expected: "entry or nat", actual: "neither" };
      this.#expected.set(keyText(map, key), valueText(value));
    }
    for (const { map, key } of expect.changes.del ?? []) this.#expected.delete(keyText(map, key));
    return differenceOfContents(where, this.#expected, readContents(this.#node.maps));
  }

  #compareFinal(final: NonNullable<ProgramVector["final"]>): Difference | undefined {
    const contents: Contents = new Map();
    for (const { map, key, entry, nat } of final) contents.set(keyText(map, key), valueText(entry ?? nat ?? {}));
    return differenceOfContents("final", contents, readContents(this.#node.maps));
  }
}

function podNamed(name: string): Pod {
  const pod = PODS.find((candidate) => candidate.name === name);
  if (pod === undefined) throw new RangeError(`no pod ${name}`);
  return pod;
}

/** Recorded headers with their TCP flags in the order of the bits. */
function inFlagOrder<H extends { flags?: string[] | undefined; inner?: { flags?: string[] | undefined } | undefined }>(headers: H): H {
  const flags = headers.flags === undefined ? {} : { flags: tcpFlagNames(tcpFlagBits(headers.flags)) };
  const inner = headers.inner === undefined ? {} : { inner: inFlagOrder(headers.inner) };
  return { ...headers, ...flags, ...inner };
}

/** What XDP hands to TC, as the files name it. */
function xferNames(bits: number): string[] {
  const names: string[] = [];
  if (bits & XFER_PKT_NO_SVC) names.push("no-service");
  if (bits & XFER_PKT_ENCAP) names.push("encap");
  if (bits & XFER_PKT_SNAT_DONE) names.push("snat-done");
  return names;
}

/** Number of packets in a history, for the summary. */
export function packetCount(vector: ProgramVector): number {
  return vector.steps.filter((step) => step.op === "packet").length;
}

