/**
 * Maglev lookup tables as the agent builds them: pkg/maglev/maglev.go.
 *
 * Equal to the agent for every table size, seed and form of the hash string, with and without weights. The agent keeps
 * whole permutations (8 bytes × slots × backends); here each backend's position is carried forward instead.
 *
 * Reference: Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer", NSDI 2016.
 */

import { formatAddress, parseAddress } from "../maps/address.js";
import type { AddressWords } from "../maps/address.js";
import { murmur3 } from "./murmur3.js";

/** Table sizes that the agent accepts: primes. pkg/maglev */
export const MAGLEV_TABLE_SIZES = [251, 509, 1021, 2039, 4093, 8191, 16381, 32749, 65521, 131071] as const;
/** Bytes that a hash seed decodes to. */
const SEED_BYTES = 12;
/** A backend's weight unless its owner says otherwise. */
export const DEFAULT_WEIGHT = 100;
/** Bytes of a slot in the map's inner array. */
export const MAGLEV_SLOT_BYTES = 4;

/** The three seeds in a hash seed. */
export interface MaglevSeed {
  readonly murmur: number;
  readonly jhash4: number;
  readonly jhash6: number;
}

/** Decodes `bpf-lb-maglev-hash-seed`; a text says why it can't be used. */
export function decodeSeed(seed: string): MaglevSeed | string {
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(seed)) return "not valid base64";
  const bytes = Buffer.from(seed, "base64");
  if (bytes.length !== SEED_BYTES) return `${bytes.length} bytes after decoding`;
  return { murmur: bytes.readUInt32BE(0), jhash4: bytes.readUInt32BE(4), jhash6: bytes.readUInt32BE(8) };
}

export type MaglevProtocol = "TCP" | "UDP" | "SCTP" | "ANY" | "NONE";

export interface MaglevBackend {
  /** IPv4 or IPv6 address in any spelling. */
  readonly address: string;
  readonly port: number;
  readonly protocol: MaglevProtocol;
  /** What the table holds: the node's own number for the backend. */
  readonly id: number;
  readonly weight: number;
  /** Internal scope of a two-scope service. */
  readonly internal?: boolean;
  /** Backend of another cluster. */
  readonly clusterId?: number;
}

/** Forms of the hash string: up to 1.16, and since 1.17. */
export type HashStringForm = "plain" | "bracketed-state";

/** The text by which a backend is sorted and hashed. The state is `active` whatever the backend's state is. */
export function hashString(backend: MaglevBackend, form: HashStringForm): string {
  const words = parseAddress(backend.address);
  if (words === undefined) throw new RangeError(`${backend.address} is not an address`);
  const text = formatAddress(words, 0, words.length as AddressWords);
  const cluster = backend.clusterId === undefined || backend.clusterId === 0 ? "" : `@${backend.clusterId}`;
  const host = words.length > 1 ? `[${text}${cluster}]` : text + cluster;
  const scope = backend.internal === true ? "/i" : "";
  if (form === "plain") return `${host}:${backend.port}${scope}`;
  return `[${host}:${backend.port}/${backend.protocol}${scope},State:active]`;
}

/** Where a backend's permutation of the slots begins and how far it steps. */
export interface Permutation {
  readonly offset: number;
  readonly skip: number;
}

export function permutationOf(text: string, murmurSeed: number, tableSize: number): Permutation {
  const { h1, h2 } = murmur3(text, murmurSeed);
  const size = BigInt(tableSize);
  return { offset: Number(h1 % size), skip: Number(h2 % (size - 1n)) + 1 };
}

export interface MaglevOptions {
  readonly tableSize: number;
  readonly seed: MaglevSeed;
  readonly form: HashStringForm;
}

/**
 * The table: a backend id for every slot, all zero when there are no backends.
 * The order in which backends are given plays no part; a weight of 0 is the caller's to leave out.
 */
export function maglevTable(backends: readonly MaglevBackend[], options: MaglevOptions): Int32Array {
  const { tableSize, seed, form } = options;
  const table = new Int32Array(tableSize);
  if (backends.length === 0) return table;
  const named = backends.map((backend) => ({ text: hashString(backend, form), backend }));
  named.sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0)); // ASCII: the order of code units is that of bytes
  const positions = new Int32Array(named.length);
  const skips = new Int32Array(named.length);
  for (const [i, { text }] of named.entries()) {
    const { offset, skip } = permutationOf(text, seed.murmur, tableSize);
    positions[i] = offset;
    skips[i] = skip;
  }
  const turns = turnsOf(named.map(({ backend }) => backend.weight));
  const owners = fill(positions, skips, tableSize, turns);
  for (let slot = 0; slot < tableSize; slot++) table[slot] = named[owners[slot]!]!.backend.id;
  return table;
}

/** Whose turn it is at step n: plain rotation, or the agent's weighted one. */
type Turns = (n: number) => number;

function turnsOf(weights: readonly number[]): Turns {
  const count = weights.length;
  const sum = weights.reduce((total, weight) => total + weight, 0);
  if (Math.floor(sum / count) <= 1) return (n) => n % count;
  const counters = Float64Array.from(weights, (weight) => weight / count);
  return (n) => {
    let i = n % count;
    while ((n + 1) * weights[i]! < Math.trunc(counters[i]!)) i = (i + 1) % count;
    counters[i]! += sum;
    return i;
  };
}

/** Gives every slot to a backend (by index): in turn, each takes the next free slot of its permutation. */
function fill(positions: Int32Array, skips: Int32Array, tableSize: number, turns: Turns): Int32Array {
  const owners = new Int32Array(tableSize).fill(-1);
  for (let n = 0; n < tableSize; n++) {
    const i = turns(n);
    const skip = skips[i]!;
    let slot = positions[i]!;
    while (owners[slot]! >= 0) {
      slot += skip;
      if (slot >= tableSize) slot -= tableSize;
    }
    owners[slot] = i;
    slot += skip;
    positions[i] = slot >= tableSize ? slot - tableSize : slot;
  }
  return owners;
}

/** Kernel memory of one service's table, bytes of entries. */
export function maglevTableBytes(tableSize: number): number {
  return tableSize * MAGLEV_SLOT_BYTES;
}

/** Bytes of permutation that the agent holds while it builds a table. */
export function maglevBuildBytes(tableSize: number, backends: number): number {
  return 8 * tableSize * backends;
}
