/**
 * One connection's way through the programs, step by step: every hook, lookup with key and result, state change, NAT
 * choice, event and cost. The tool to learn the datapath with, and the base of `ctlab explain`.
 *
 * Attach it (`datapath.observer = trace`) for the packets of the connection and detach it after; `begin` and `end`
 * bracket each packet. It looks and never touches: no reference bit, no random number, no cost changes.
 */

import type { BpfMap } from "../../../bpf/map.js";
import { formatCount } from "../../../core/units.js";
import type { CiliumMaps } from "../../maps.js";
import { htons, IPV4_WORDS, IPV6_WORDS } from "../../maps/address.js";
import type { CtMap } from "../../maps/ct-map.js";
import { CT_EGRESS, CT_INGRESS } from "../conntrack.js";
import type { DatapathContext } from "../context.js";
import { dropText } from "../drop-reasons.js";
import { POLICY_MATCH_NAMES, SIGNAL_NAT_FILL_UP, TRACE_POINT_NAMES, TRACE_REASON_NAMES } from "../events.js";
import type { DatapathObserver } from "../observer.js";
import { OP_NAMES, OP_RUN_SOCK } from "../ops.js";
import type { Packet } from "../packet.js";
import { ctChangeText, ctFields, MapText, placeText, protocolText } from "./describe.js";

/** What kind of thing happened. */
export type WalkStepKind =
  | "packet"
  | "hook"
  | "lookup"
  | "update"
  | "delete"
  | "conntrack"
  | "state"
  | "nat"
  | "backend"
  | "policy"
  | "random"
  | "signal"
  | "event"
  | "drop"
  | "redirect"
  | "end";

/** One step in words. */
export interface WalkStep {
  readonly kind: WalkStepKind;
  readonly text: string;
}

/** By XLATE_*. */
const SOCK_POINT_NAMES = ["unknown", "pre-translation-fwd", "post-translation-fwd", "pre-translation-rev", "post-translation-rev"];
const STATUS_NAMES = ["NEW", "ESTABLISHED", "REPLY", "RELATED"];

function directionName(direction: number): string {
  if (direction === CT_EGRESS) return "egress";
  return direction === CT_INGRESS ? "ingress" : "service";
}

const TCP_FLAG_NAMES = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];

/** `SYN,ACK`; nothing when no flag is set. */
export function tcpFlagsText(flags: number): string {
  return TCP_FLAG_NAMES.filter((_, bit) => ((flags >>> bit) & 1) !== 0).join(",");
}

/** The headers of a packet in one line. */
export function packetText(packet: Packet): string {
  return `${endsText(packet)} ${tcpFlagsText(packet.tcpFlags)}`.trimEnd();
}

function endsText(packet: Packet): string {
  const n = packet.addressWords;
  const from = placeText(packet.row, packet.saddrAt, n, packet.sport);
  const to = placeText(packet.row, packet.daddrAt, n, packet.dport);
  return `${protocolText(packet.protocol)} ${from} -> ${to}`;
}

/** A step as a line: packets flush left, hooks and ends by two, the rest by four blanks. */
export function walkLine({ kind, text }: WalkStep): string {
  if (kind === "packet") return text;
  const indent = kind === "hook" || kind === "end" ? "  " : "    ";
  return `${indent}${kind === "hook" || kind === "end" ? "" : `${kind} `}${text}`;
}

export class WalkTrace implements DatapathObserver {
  readonly steps: WalkStep[] = [];
  readonly #text: MapText;
  readonly #conntrack = new Map<BpfMap, CtMap>();
  readonly #maps: CiliumMaps;
  /** Entry of the last conntrack hit, and how it looked then. */
  #hit: { ct: CtMap; slot: number; before: readonly string[] } | undefined;
  /** The last update: its value is written after it, and read when the next step comes. */
  #written: { at: number; map: BpfMap; slot: number; key: string } | undefined;

  constructor(maps: CiliumMaps) {
    this.#maps = maps;
    this.#text = new MapText(maps);
  }

  /** A packet of the connection arrives, in words (`packetText`, perhaps with the time). Counts operations from here on. */
  begin(packet: string, dp: DatapathContext): void {
    dp.ops.fill(0);
    this.#conntrack.clear();
    for (const addressWords of [IPV4_WORDS, IPV6_WORDS] as const) {
      if (!this.#maps.hasFamily(addressWords)) continue;
      const { ctGlobal, ctAnyGlobal } = this.#maps.family(addressWords);
      this.#conntrack.set(ctGlobal.map, ctGlobal).set(ctAnyGlobal.map, ctAnyGlobal);
    }
    this.#add("packet", packet);
  }

  /**
   * The walk is over: `verdict` in words, the headers as they are now, and the counted operations with their cost.
   * Returns the cost in nanoseconds, 0 unless a node weighs operations.
   */
  end(verdict: string, dp: DatapathContext): number {
    const counted: string[] = [];
    let costNs = 0;
    for (const [op, name] of OP_NAMES.entries()) {
      const times = dp.ops[op]!;
      costNs += times * dp.opCosts[op]!;
      if (times !== 0) counted.push(`${name} ${times}`);
    }
    const cost = costNs === 0 ? "" : `${formatCount(costNs)} ns: `;
    // A socket's call has no segment yet.
    const flags = dp.ops[OP_RUN_SOCK] === 0 ? tcpFlagsText(dp.packet.tcpFlags) : "";
    this.#add("end", `${verdict}: ${`${endsText(dp.packet)} ${flags}`.trimEnd()} (${cost}${counted.join(", ")})`);
    return costNs;
  }

  /** The steps so far, which are forgotten here. */
  take(): readonly WalkStep[] {
    this.#settleWritten();
    return this.steps.splice(0);
  }

  hook(name: string): void {
    this.#hit = undefined;
    this.#add("hook", name);
  }

  lookup(_op: number, map: BpfMap, key: Int32Array, slot: number): void {
    this.#add("lookup", `${map.spec.name} ${this.#text.key(map, key)}: ${this.#text.value(map, slot)}`);
    const ct = this.#conntrack.get(map);
    this.#hit = ct === undefined || slot < 0 ? undefined : { ct, slot, before: ctFields(ct, slot) };
  }

  update(_op: number, map: BpfMap, key: Int32Array, slot: number): void {
    const text = `${map.spec.name} ${this.#text.key(map, key)}`;
    this.#add("update", `${text}: ${this.#text.value(map, slot)}`);
    if (slot >= 0) this.#written = { at: this.steps.length - 1, map, slot, key: text };
  }

  remove(_op: number, map: BpfMap, key: Int32Array, result: number): void {
    this.#add("delete", `${map.spec.name} ${this.#text.key(map, key)}: ${result === 0 ? "deleted" : this.#text.value(map, result)}`);
  }

  conntrack(direction: number, status: number, monitor: number): void {
    if (this.#hit !== undefined) {
      const { ct, slot, before } = this.#hit;
      const change = ctChangeText(before, ctFields(ct, slot));
      if (change !== "") this.#add("state", `${ct.map.spec.name}: ${change}`);
      this.#hit = undefined;
    }
    this.#add("conntrack", `${directionName(direction)} ${STATUS_NAMES[status]}, monitor ${monitor}`);
  }

  natPort(port: number, tries: number): void {
    this.#add("nat", port < 0 ? `no port after ${tries} tries` : `port ${port} after ${tries} collisions`);
  }

  backend(revNatIndex: number, backendId: number): void {
    this.#add("backend", `service ${revNatIndex}: backend ${backendId}`);
  }

  policy(egress: boolean, identity: number, verdict: number, match: number): void {
    const outcome = verdict < 0 ? dropText(-verdict) : "allowed";
    this.#add("policy", `${egress ? "egress to" : "ingress from"} identity ${identity}: ${outcome}, match ${POLICY_MATCH_NAMES[match]}`);
  }

  random(value: number): void {
    this.#add("random", String(value >>> 0));
  }

  signal(type: number, family: number): void {
    this.#add("signal", `${type === SIGNAL_NAT_FILL_UP ? "nat_fill_up" : "ct_fill_up"} IPv${family === 0 ? 4 : 6}`);
  }

  traced(point: number, reason: number, monitor: number, emitted: boolean): void {
    const name = `${TRACE_POINT_NAMES[point]} ${TRACE_REASON_NAMES[reason & 0x7f] ?? reason}`;
    this.#add("event", emitted ? `${name}, ${monitor} bytes` : `${name}, suppressed`);
  }

  verdictEvent(egress: boolean, verdict: number): void {
    const outcome = verdict < 0 ? "denied" : verdict > 0 ? `to proxy port ${htons(verdict)}` : "allowed";
    this.#add("event", `policy-verdict ${egress ? "egress" : "ingress"} ${outcome}`);
  }

  sockEvent(point: number): void {
    this.#add("event", `trace-sock ${SOCK_POINT_NAMES[point] ?? point}`);
  }

  dropped(reason: number, extError: number): void {
    this.#add("drop", `${reason} ${dropText(reason, extError)}`);
  }

  redirected(ifindex: number): void {
    this.#add("redirect", `to device ${ifindex}`);
  }

  /** All steps as lines, see `walkLine`. */
  lines(): string[] {
    this.#settleWritten();
    return this.steps.map(walkLine);
  }

  #add(kind: WalkStepKind, text: string): void {
    this.#settleWritten();
    this.steps.push({ kind, text });
  }

  #settleWritten(): void {
    if (this.#written === undefined) return;
    const { at, map, slot, key } = this.#written;
    this.#written = undefined;
    this.steps[at] = { kind: "update", text: `${key}: ${this.#text.value(map, slot)}` };
  }
}
