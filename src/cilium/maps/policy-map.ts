/**
 * Policy of one endpoint: `struct policy_key` (12 bytes) and `struct policy_entry` (24 bytes; 8 from Cilium 1.18),
 * bpf/lib/common.h, in an LPM trie named `cilium_policy_v2_<id>` (`cilium_policy_<id>` before 1.17).
 *
 * A lookup asks with all 64 bits after the prefix length; stored prefixes have 40 bits (all ports and protocols),
 * 48 (one protocol) or up to 64 (a port or a port prefix).
 */

import type { BpfMap } from "../../bpf/map.js";
import { htons } from "./address.js";

/** Direction byte of the key. */
export const POLICY_INGRESS = 0;
export const POLICY_EGRESS = 1;

/** Bits of identity and direction, which every entry gives in full. */
export const POLICY_STATIC_PREFIX = 40;
/** All bits of the key after the prefix length. */
export const POLICY_FULL_PREFIX = 64;
const PROTOCOL_BITS = 8;
const PORT_BITS = 16;

/** `flags` byte of a value: bit 0 denies, the top five bits are the length of the protocol and port prefix. */
const DENY = 1 << 16;
const PREFIX_SHIFT = 19;

/** One rule as the agent writes it into the map. */
export interface PolicyEntry {
  /** POLICY_INGRESS or POLICY_EGRESS. */
  readonly direction: number;
  /** Peer; 0 = any. */
  readonly identity: number;
  /** 0 = any; then the port is any too. */
  readonly protocol?: number;
  /** Host order; the ICMP type for ICMP rules. */
  readonly port?: number;
  /** Leading bits of the port that count: 16 = this port, 0 = any port. */
  readonly portPrefix?: number;
  readonly deny?: boolean;
  /** Host order; above 0 the connection is redirected to that proxy. */
  readonly proxyPort?: number;
  readonly proxyPriority?: number;
  readonly authType?: number;
}

/** One endpoint's policy. */
export class PolicyMap {
  declare readonly map: BpfMap;
  /** prefix length, identity, direction | protocol | port. */
  readonly key: Int32Array = new Int32Array(3);

  constructor(map: BpfMap) {
    this.map = map;
  }

  /** Key of a lookup: all bits count. Port in host order. */
  setKey(identity: number, direction: number, protocol: number, port: number): void {
    this.key[0] = POLICY_FULL_PREFIX;
    this.key[1] = identity;
    this.key[2] = direction | (protocol << 8) | (htons(port) << 16);
  }

  /** Host order. */
  proxyPort(slot: number): number {
    return htons(this.map.word(slot, 0) & 0xffff);
  }
  deny(slot: number): boolean {
    return (this.map.word(slot, 0) & DENY) !== 0;
  }
  /** 0 = any protocol, up to 8 = protocol only, above = (part of) a port too. */
  prefixLength(slot: number): number {
    return (this.map.word(slot, 0) >>> PREFIX_SHIFT) & 0x1f;
  }
  authType(slot: number): number {
    return this.map.word(slot, 0) >>> 24;
  }
  proxyPriority(slot: number): number {
    return this.map.word(slot, 1) & 0xff;
  }

  /** Writes one rule. Returns 0 or a negated error number, as the agent's system call does. */
  insert(entry: PolicyEntry): number {
    const bits = prefixBits(entry);
    this.#setRuleKey(entry, bits);
    const slot = this.map.update(this.key, 0, 0, 0);
    if (slot < 0) return slot;
    const flags = (entry.deny === true ? DENY : 0) | (bits << PREFIX_SHIFT);
    this.map.setWord(slot, 0, htons(entry.proxyPort ?? 0) | flags | ((entry.authType ?? 0) << 24));
    this.map.setWord(slot, 1, entry.proxyPriority ?? 0);
    return 0;
  }

  /** Takes one rule out. Returns 0 or a negated error number. */
  remove(entry: PolicyEntry): number {
    this.#setRuleKey(entry, prefixBits(entry));
    return this.map.remove(this.key, 0, 0);
  }

  /** Removes every rule of one direction, or of both. */
  clear(direction?: number): void {
    const row = new Int32Array(3);
    const found: Int32Array[] = [];
    let previous: Int32Array | null = null;
    while (this.map.nextKey(previous, 0, row, 0) === 0) {
      previous = row.slice();
      if (direction === undefined || (row[2]! & 0xff) === direction) found.push(previous);
    }
    for (const key of found) this.map.remove(key, 0, 0);
  }

  /** Allows everything in one direction, as the agent does where no rule selects the endpoint. */
  allowAll(direction: number): void {
    this.insert({ direction, identity: 0 });
  }

  #setRuleKey(entry: PolicyEntry, bits: number): void {
    this.setKey(entry.identity, entry.direction, entry.protocol ?? 0, entry.port ?? 0);
    this.key[0] = POLICY_STATIC_PREFIX + bits;
  }
}

/** Length of the protocol and port prefix of a rule: 0, 8, or 8 and the port bits. */
function prefixBits(entry: PolicyEntry): number {
  if ((entry.protocol ?? 0) === 0) return 0;
  const portBits = entry.portPrefix ?? (entry.port === undefined ? 0 : PORT_BITS);
  return PROTOCOL_BITS + portBits;
}
