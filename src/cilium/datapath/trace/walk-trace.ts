/**
 * One connection's way through the programs, step by step: every hook, lookup with key and result, state change, NAT
 * choice, event and cost. The tool to learn the datapath with, and the base of `ctlab explain`.
 *
 * Attach it (`datapath.observer = trace`) for the packets of the connection and detach it after; `begin` and `end`
 * bracket each packet.
 */

import type { BpfMap } from "../../../bpf/map.js";
import type { CiliumMaps } from "../../maps.js";
import type { CtMap } from "../../maps/ct-map.js";
import { IPV4_WORDS, IPV6_WORDS } from "../../maps/address.js";
import { CT_EGRESS, CT_INGRESS } from "../conntrack.js";
import type { DatapathContext } from "../context.js";
import { dropText } from "../drop-reasons.js";
import { POLICY_MATCH_NAMES, SIGNAL_NAT_FILL_UP, TRACE_POINT_NAMES, TRACE_REASON_NAMES } from "../events.js";
import type { DatapathObserver } from "../observer.js";
import { OP_NAMES } from "../ops.js";
import type { Packet } from "../packet.js";
import { ctEntryText, MapText, placeText, protocolText } from "./describe.js";

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

const STATUS_NAMES = ["NEW", "ESTABLISHED", "REPLY", "RELATED"];

function directionName(direction: number): string {
  if (direction === CT_EGRESS) return "egress";
  return direction === CT_INGRESS ? "ingress" : "service";
}

/** The headers of a packet in one line. */
export function packetText(packet: Packet): string {
  const n = packet.addressWords;
  const from = placeText(packet.row, packet.saddrAt, n, packet.sport);
  const to = placeText(packet.row, packet.daddrAt, n, packet.dport);
  const flags = packet.tcpFlags === 0 ? "" : ` flags 0x${packet.tcpFlags.toString(16).padStart(2, "0")}`;
  return `${protocolText(packet.protocol)} ${from} -> ${to}${flags}`;
}

export class WalkTrace implements DatapathObserver {
  readonly steps: WalkStep[] = [];
  readonly #text: MapText;
  readonly #conntrack = new Map<BpfMap, CtMap>();
  /** Entry of the last conntrack hit, and how it looked then. */
  #hit: { ct: CtMap; slot: number; before: string } | undefined;

  constructor(maps: CiliumMaps) {
    this.#text = new MapText(maps);
    for (const addressWords of [IPV4_WORDS, IPV6_WORDS] as const) {
      if (!maps.hasFamily(addressWords)) continue;
      const { ctGlobal, ctAnyGlobal } = maps.family(addressWords);
      this.#conntrack.set(ctGlobal.map, ctGlobal).set(ctAnyGlobal.map, ctAnyGlobal);
    }
  }

  /** A packet of the connection arrives; `when` is shown as it is. Counts operations from here on. */
  begin(when: string, dp: DatapathContext): void {
    dp.ops.fill(0);
    this.#add("packet", `${when} ${packetText(dp.packet)}`);
  }

  /** The walk is over: `verdict` in words, the headers as they are now, and the counted operations with their cost. */
  end(verdict: string, dp: DatapathContext, costNs?: number): void {
    const counted: string[] = [];
    for (const [op, name] of OP_NAMES.entries()) if (dp.ops[op] !== 0) counted.push(`${name} ${dp.ops[op]}`);
    const cost = costNs === undefined ? "" : `, ${costNs} ns`;
    this.#add("end", `${verdict}: ${packetText(dp.packet)} (${counted.join(", ")}${cost})`);
  }

  hook(name: string): void {
    this.#hit = undefined;
    this.#add("hook", name);
  }

  lookup(_op: number, map: BpfMap, key: Int32Array, slot: number): void {
    this.#add("lookup", `${map.spec.name} ${this.#text.key(map, key)}: ${this.#text.value(map, slot)}`);
    const ct = this.#conntrack.get(map);
    this.#hit = ct === undefined || slot < 0 ? undefined : { ct, slot, before: ctEntryText(ct, slot) };
  }

  update(_op: number, map: BpfMap, key: Int32Array, slot: number): void {
    const result = slot < 0 ? this.#text.value(map, slot) : "written";
    this.#add("update", `${map.spec.name} ${this.#text.key(map, key)}: ${result}`);
  }

  remove(_op: number, map: BpfMap, key: Int32Array, result: number): void {
    this.#add("delete", `${map.spec.name} ${this.#text.key(map, key)}: ${result === 0 ? "deleted" : this.#text.value(map, result)}`);
  }

  conntrack(direction: number, status: number, monitor: number): void {
    if (this.#hit !== undefined) {
      const { ct, slot, before } = this.#hit;
      const after = ctEntryText(ct, slot);
      if (after !== before) this.#add("state", `${ct.map.spec.name}: ${before} becomes ${after}`);
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

  dropped(reason: number, extError: number): void {
    this.#add("drop", `${reason} ${dropText(reason, extError)}`);
  }

  redirected(ifindex: number): void {
    this.#add("redirect", `to device ${ifindex}`);
  }

  /** All steps as lines: packets flush left, hooks by two, the rest by four blanks. */
  lines(): string[] {
    return this.steps.map(({ kind, text }) => {
      if (kind === "packet") return text;
      const indent = kind === "hook" || kind === "end" ? "  " : "    ";
      return `${indent}${kind === "hook" ? "" : `${kind} `}${text}`;
    });
  }

  #add(kind: WalkStepKind, text: string): void {
    this.steps.push({ kind, text });
  }
}
