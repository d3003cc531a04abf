/**
 * NAT statistics as the agent counts them (pkg/maps/nat/stats): of all pairs of an egress address and a remote end, how
 * many source ports the one with the most has taken. Only reverse entries are counted, so each port once.
 */
import { BATCH_NO_CURSOR, MapBatch } from "../../bpf/batch.js";
import { HashTable } from "../../bpf/hash-table.js";
import type { BpfMap } from "../../bpf/map.js";
import { TUPLE_F_IN, TUPLE_WORDS_MAX } from "../../cilium/maps/tuple.js";

/** Source ports that SNAT chooses from, host order, both included. */
export interface PortSpan {
  readonly first: number;
  readonly last: number;
}

/** Entries copied at a time: a bucket of the kernel's hash maps holds far fewer. */
const CHUNK = 4096;
/** The high half of the ports word: the remote port. The low half is the port that SNAT chose. */
const REMOTE_PORT = 0xffff0000 | 0;
const FLAGS_SHIFT = 8;

/** Used source ports of the busiest (egress address, remote address, remote port, protocol), as a share of all; 0 … 1 and above. */
export function busiestEndpoint(map: BpfMap, { first, last }: PortSpan): number {
  if (!(map instanceof HashTable) || map.count === 0) return 0;
  const groups = new Groups(map.count, map.keyWords);
  const batch = new MapBatch(CHUNK, map.stride);
  let cursor = BATCH_NO_CURSOR;
  for (;;) {
    const status = map.lookupBatch(cursor, batch);
    for (let i = 0; i < batch.count; i++) groups.count(batch.rows, i * batch.stride);
    if (status < 0 || batch.cursor === BATCH_NO_CURSOR) break;
    cursor = batch.cursor;
  }
  return groups.most / (last - first);
}

/** Counts of equal keys, by open addressing. */
class Groups {
  most = 0;
  readonly #words: number;
  readonly #mask: number;
  readonly #keys: Int32Array;
  readonly #counts: Int32Array;
  readonly #key = new Int32Array(TUPLE_WORDS_MAX);

  constructor(entries: number, words: number) {
    let places = 16;
    while (places < 2 * entries) places *= 2;
    this.#words = words;
    this.#mask = places - 1;
    this.#keys = new Int32Array(places * words);
    this.#counts = new Int32Array(places);
  }

  count(rows: Int32Array, at: number): void {
    const words = this.#words;
    const key = this.#key;
    if (((rows[at + words - 1]! >>> FLAGS_SHIFT) & TUPLE_F_IN) === 0) return;
    let hash = 0;
    for (let i = 0; i < words; i++) {
      key[i] = i === words - 2 ? rows[at + i]! & REMOTE_PORT : rows[at + i]!;
      hash = Math.imul(hash ^ key[i]!, 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    let place = hash & this.#mask;
    while (this.#counts[place] !== 0 && !this.#isAt(place)) place = (place + 1) & this.#mask;
    if (this.#counts[place] === 0) for (let i = 0; i < words; i++) this.#keys[place * words + i] = key[i]!;
    this.most = Math.max(this.most, ++this.#counts[place]!);
  }

  #isAt(place: number): boolean {
    for (let i = 0; i < this.#words; i++) if (this.#keys[place * this.#words + i] !== this.#key[i]) return false;
    return true;
  }
}
