/**
 * What a program sees while it runs: the packet, the maps, the clock, and the state that the original keeps in local
 * variables, the control block and per-CPU scratch arrays. One per node; every function of the datapath takes it first,
 * as those of bpf/lib take `ctx`.
 *
 * The map operations here are the program's helper calls: each is counted in `ops` and, when somebody traces, shown to
 * the observer.
 */

import type { BpfMap } from "../../bpf/map.js";
import type { CiliumMaps, FamilyMaps } from "../maps.js";
import { IPV4_WORDS, IPV6_WORDS } from "../maps/address.js";
import type { AddressWords } from "../maps/address.js";
import type { CtMap } from "../maps/ct-map.js";
import type { NatMap } from "../maps/nat-map.js";
import type { PolicyMap } from "../maps/policy-map.js";
import { Tuple } from "../maps/tuple.js";
import type { DatapathConfig } from "./config.js";
import { SOURCE_NONE } from "./events.js";
import type { DatapathEvents } from "./events.js";
import { MetricsTable } from "./metrics.js";
import type { DatapathObserver } from "./observer.js";
import { OP_COUNT, OP_CT_LOOKUP, OP_CT_UPDATE, OP_NAT_DELETE, OP_NAT_LOOKUP, OP_NAT_UPDATE, OP_RANDOM, OP_SIGNAL } from "./ops.js";
import { Packet } from "./packet.js";
import type { ReadAhead } from "./read-ahead.js";
import type { Walks } from "./walks.js";

/** Programs' return values that are no drop. */
export const CTX_ACT_OK = 0;
export const CTX_ACT_REDIRECT = 7;
/** Dropped, and the drop has been announced. */
export const TC_ACT_SHOT = 2;
/** Of NodePort: the program shall start over with NodePort handling switched off (tail call back to FROM_NETDEV). */
export const RECIRCULATE = 100;
/** Of NodePort: the stack shall have the packet as it is. */
export const PUNT_TO_STACK = 101;

/** Which compiled program runs: decides what the shared libraries do. */
export const PROGRAM_LXC = 0;
export const PROGRAM_HOST = 1;
export const PROGRAM_OVERLAY = 2;
export const PROGRAM_XDP = 3;

/** Conntrack statuses. */
export const CT_NEW = 0;
export const CT_ESTABLISHED = 1;
export const CT_REPLY = 2;
export const CT_RELATED = 3;

/** `struct ct_state`: what a lookup hands out and a create takes in. */
export class CtState {
  revNatIndex = 0;
  loopback = false;
  nodePort = false;
  dsr = false;
  proxyRedirect = false;
  fromL7lb = false;
  fromTunnel = false;
  /** This packet closes the connection. */
  closing = false;
  srcSecId = 0;
  backendId = 0;

  reset(): void {
    this.revNatIndex = 0;
    this.loopback = false;
    this.nodePort = false;
    this.dsr = false;
    this.proxyRedirect = false;
    this.fromL7lb = false;
    this.fromTunnel = false;
    this.closing = false;
    this.srcSecId = 0;
    this.backendId = 0;
  }
}

/** `struct ipv4_nat_target`: how a packet is to be translated. */
export class NatTarget {
  /** Address as words. */
  readonly address: Int32Array = new Int32Array(4);
  portMin = 0;
  portMax = 0;
  fromLocalEndpoint = false;
  egressGateway = false;
  needsCt = false;
}

/** An endpoint's loaded program with its compiled-in values. */
export interface EndpointProgram {
  readonly lxcId: number;
  readonly ifindex: number;
  readonly identity: number;
  /** Addresses as words, for source verification; null without that family. */
  readonly address4: readonly number[] | null;
  readonly address6: readonly number[] | null;
  readonly policy: PolicyMap;
  /** Verdict events for ingress (policy enforced in that direction) and egress. */
  readonly verdictIngress: boolean;
  readonly verdictEgress: boolean;
}

/** What the node gives a datapath. */
export interface DatapathEnvironment {
  readonly events: DatapathEvents;
  /** 32 random bits (`bpf_get_prandom_u32` on that CPU), as any integer with these low bits. */
  random(cpu: number): number;
  /** A signal to the agent: SIGNAL_*, family 0 for IPv4 and 1 for IPv6. */
  signal(type: number, family: number): void;
  /**
   * Output device of the packet's route, or a negative `BPF_FIB_LKUP_RET_*`. Without it every route leads to the
   * native device.
   */
  route?(packet: Packet): number;
}

/** Error numbers travel in eight signed bits. */
function toSigned8(value: number): number {
  return (value << 24) >> 24;
}

/** Above the tries of any release (128), and a failed search's number. */
const NAT_TRIES = 256;

export class DatapathContext {
  declare readonly config: DatapathConfig;
  declare readonly maps: CiliumMaps;
  declare readonly environment: DatapathEnvironment;
  declare readonly events: DatapathEvents;
  declare readonly metrics: MetricsTable;
  private readonly counters = new Int32Array(OP_COUNT);
  /** What each operation costs, ns; all zero until a node weighs them, before the first packet. */
  readonly opCosts: Int32Array = new Int32Array(OP_COUNT);
  /** Cost of what was counted since the last `takeCost`, ns. */
  private cost = 0;
  /** Endpoint programs by id: the `cilium_call_policy` program array. */
  readonly programs: (EndpointProgram | undefined)[] = [];
  /** Searches of SNAT for a source port, by the number of further tries that they took (failed ones: the release's limit). */
  readonly natTries = new Float64Array(NAT_TRIES);
  /** Looks over the shoulder of a traced connection; null otherwise. */
  observer: DatapathObserver | null = null;
  /** For speed, or null: walks that need not be walked again, and where lookups will find something. */
  walks: Walks | null = null;
  readAhead: ReadAhead | null = null;

  /** `cilium_ratelimit`, the bucket of socket traces: when it was filled last, ns (-1: not made yet), and what it holds. */
  socketTraceFilledNs = -1;
  socketTraceTokens = 0;

  /** Datapath clock: whole seconds (or jiffies >> 8). Set by the caller. */
  now = 0;
  /** Simulated time in nanoseconds, for departure times. Set by the caller. */
  nowNs = 0;
  /** CPU that runs the program. Set by the caller. */
  cpu = 0;

  packet: Packet = new Packet();
  /** PROGRAM_*. */
  program = PROGRAM_LXC;
  /** Maps of the packet's family. */
  declare family: FamilyMaps;

  /** Key of the lookup in progress; keeps its layout from one step to the next as the original's `tuple` does. */
  readonly tuple: Tuple = new Tuple();
  /** Keys under construction in nat.ts: forward, reverse, conntrack. */
  readonly natTuple: Tuple = new Tuple();
  readonly reverseTuple: Tuple = new Tuple();
  readonly trackTuple: Tuple = new Tuple();
  /** State of the looked-up entry, and of the entry to be created. */
  readonly ctState: CtState = new CtState();
  readonly ctStateNew: CtState = new CtState();
  readonly natTarget: NatTarget = new NatTarget();
  /** An address at hand: four words. */
  readonly address: Int32Array = new Int32Array(4);
  /** Service of the reverse translation in progress: address words and port. */
  readonly serviceAddress: Int32Array = new Int32Array(4);
  servicePort = 0;

  /** `trace.monitor`: bytes of the packet for the event, 0 = no event at medium aggregation. */
  monitor = 0;
  /** `trace.reason`: conntrack status, or TRACE_REASON_UNKNOWN. */
  reason = 0;
  /** Extra error of a drop, signed 8 bits. */
  extError = 0;
  /** Destination identity that a drop event names. */
  dstIdentity = 0;
  /** Proxy port from policy, host order; 0 = none. */
  proxyPort = 0;
  /** Of a packet handed to a proxy: whether the receiving pod's policy asked for it, and the sender's identity. */
  proxyIngress = false;
  proxySource = 0;
  /** Match type and audit of the last policy lookup. */
  policyMatch = 0;
  policyAudited = false;
  /** Lookups that audit mode let pass, since whoever counts them has cleared this. */
  audited = 0;
  /** Slot of the entry that `ctCreate` made last. */
  createdSlot = 0;
  /** Device of the redirect; 0 = none. */
  redirectIfindex = 0;
  /** Endpoint that the packet was delivered to; 0 = none. */
  deliveredTo = 0;
  /** Positive code of the last drop. */
  dropReason = 0;

  constructor(maps: CiliumMaps, config: DatapathConfig, environment: DatapathEnvironment) {
    this.maps = maps;
    this.config = config;
    this.environment = environment;
    this.events = environment.events;
    this.metrics = new MetricsTable();
    this.family = maps.family(maps.hasFamily(IPV4_WORDS) ? IPV4_WORDS : IPV6_WORDS);
  }

  /** A program starts: `arrives` when the packet begins its walk here, false when it comes from another program. */
  enter(program: number, hook: string, arrives: boolean): void {
    this.program = program;
    this.extError = 0;
    this.dstIdentity = 0;
    this.deliveredTo = 0;
    this.redirectIfindex = 0;
    this.packet.arriving = arrives;
    if (arrives && this.readAhead !== null) this.readAhead.begin(this.packet.flow);
    if (this.observer !== null) this.observer.hook(hook);
  }

  /** Operations and steps counted so far, see ops.ts; cleared by whoever reads them. */
  get ops(): Int32Array {
    if (this.walks !== null) this.walks.countInto(this.counters);
    return this.counters;
  }

  /** Counts an operation or step, once or `times`. */
  count(op: number, times = 1): void {
    this.counters[op]! += times;
    this.cost += times * this.opCosts[op]!;
  }

  /** Adds the cost of operations that are counted elsewhere, ns. */
  addCost(cost: number): void {
    this.cost += cost;
  }

  /** Cost of everything counted since it was last asked for, ns. */
  takeCost(): number {
    const { cost } = this;
    this.cost = 0;
    return cost;
  }

  /** Works on the maps of that family from here on. */
  useFamily(addressWords: AddressWords): void {
    if (this.family.addressWords !== addressWords) this.family = this.maps.family(addressWords);
  }

  /** EVENT_SOURCE of the host's programs: bpf_host speaks for the host endpoint, the others for nobody. */
  eventSource(): number {
    return this.program === PROGRAM_HOST ? this.config.node.hostEndpointId : SOURCE_NONE;
  }

  /** Keeps the packet's destination as the service it was sent to. */
  rememberService(packet: Packet): void {
    for (let i = 0; i < packet.addressWords; i++) this.serviceAddress[i] = packet.row[packet.daddrAt + i]!;
    this.servicePort = packet.dport;
  }

  /** Conntrack map of a protocol: `get_ct_map4`. */
  ctMap(isTcp: boolean): CtMap {
    return isTcp ? this.family.ctGlobal : this.family.ctAnyGlobal;
  }

  ctLookup(ct: CtMap, tuple: Tuple): number {
    this.count(OP_CT_LOOKUP);
    const slot = ct.map.lookup(tuple.words, 0);
    this.note(ct.map, ct, tuple.words, slot);
    if (this.observer !== null) this.observer.lookup(OP_CT_LOOKUP, ct.map, tuple.words, slot);
    return slot;
  }

  ctUpdate(ct: CtMap, tuple: Tuple): number {
    this.count(OP_CT_UPDATE);
    const slot = ct.map.update(tuple.words, 0, 0, this.cpu);
    if (this.walks !== null && this.walks.noting) this.walks.made(slot);
    if (this.observer !== null) this.observer.update(OP_CT_UPDATE, ct.map, tuple.words, slot);
    return slot;
  }

  natLookup(nat: NatMap, tuple: Tuple): number {
    this.count(OP_NAT_LOOKUP);
    const slot = nat.map.lookup(tuple.words, 0);
    this.note(nat.map, null, tuple.words, slot);
    if (this.observer !== null) this.observer.lookup(OP_NAT_LOOKUP, nat.map, tuple.words, slot);
    return slot;
  }

  natUpdate(nat: NatMap, tuple: Tuple, flags: number): number {
    this.count(OP_NAT_UPDATE);
    const slot = nat.map.update(tuple.words, 0, flags, this.cpu);
    if (this.walks !== null && this.walks.noting) this.walks.made(slot);
    if (this.observer !== null) this.observer.update(OP_NAT_UPDATE, nat.map, tuple.words, slot);
    return slot;
  }

  natDelete(nat: NatMap, tuple: Tuple): number {
    this.unrepeatable();
    this.count(OP_NAT_DELETE);
    const result = nat.map.remove(tuple.words, 0, this.cpu);
    if (this.observer !== null) this.observer.remove(OP_NAT_DELETE, nat.map, tuple.words, result);
    return result;
  }

  // Other maps, with a key built by their views. One method for each kind of map: a call site that sees several kinds
  // is no longer inlined, which costs more than the lookup (33 against 57 ns on the hot path, Node 20).

  lookupHash(op: number, map: BpfMap, key: Int32Array): number {
    this.count(op);
    const slot = map.lookup(key, 0);
    if (this.observer !== null) this.observer.lookup(op, map, key, slot);
    return slot;
  }

  lookupLru(op: number, map: BpfMap, key: Int32Array): number {
    this.count(op);
    const slot = map.lookup(key, 0);
    this.note(map, null, key, slot);
    if (this.observer !== null) this.observer.lookup(op, map, key, slot);
    return slot;
  }

  lookupLpm(op: number, map: BpfMap, key: Int32Array): number {
    this.count(op);
    const slot = map.lookup(key, 0);
    if (this.observer !== null) this.observer.lookup(op, map, key, slot);
    return slot;
  }

  update(op: number, map: BpfMap, key: Int32Array): number {
    this.unrepeatable();
    this.count(op);
    const slot = map.update(key, 0, 0, this.cpu);
    if (this.observer !== null) this.observer.update(op, map, key, slot);
    return slot;
  }

  remove(op: number, map: BpfMap, key: Int32Array): number {
    this.unrepeatable();
    this.count(op);
    const result = map.remove(key, 0, this.cpu);
    if (this.observer !== null) this.observer.remove(op, map, key, result);
    return result;
  }

  /** `get_prandom_u32`, as int32. */
  random(): number {
    this.unrepeatable();
    this.count(OP_RANDOM);
    const value = this.environment.random(this.cpu) | 0;
    if (this.observer !== null) this.observer.random(value);
    return value;
  }

  /** `send_signal_*`. */
  signal(type: number): void {
    this.unrepeatable();
    this.count(OP_SIGNAL);
    const family = this.packet.addressWords === IPV4_WORDS ? 0 : 1;
    this.environment.signal(type, family);
    if (this.observer !== null) this.observer.signal(type, family);
  }

  /** The walk does something that a repetition would leave out. */
  unrepeatable(): void {
    if (this.walks !== null) this.walks.recording = false;
  }

  /** A lookup in a map that packets write, for those who remember. */
  private note(map: BpfMap, ct: CtMap | null, key: Int32Array, slot: number): void {
    const { walks, readAhead } = this;
    if (walks !== null && walks.noting) walks.note(map, ct, key, slot);
    if (readAhead !== null) readAhead.note(map, slot);
  }

  /** Notes a map's error number as the drop's extra error. */
  setExtError(error: number): void {
    this.extError = toSigned8(error);
  }
}
