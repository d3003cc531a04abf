/**
 * Longest-prefix-match trie: kernel/bpf/lpm_trie.c (`trie_lookup_elem`, `trie_update_elem`, `trie_delete_elem`,
 * `trie_get_next_key`).
 *
 * A key is a prefix length in bits (word 0) and the data whose leading bits count, most significant bit of each byte
 * first. Inner nodes that hold no element are made where two prefixes part and go with the last element below them.
 */

import { Errno } from "./errno.js";
import type { BpfMap } from "./map.js";
import { UpdateFlag, wordsOf, type MapSpec } from "./spec.js";

const NONE = 0;
const BITS_PER_BYTE = 8;
const INITIAL_NODES = 64;

export class LpmTrieMap implements BpfMap {
  readonly spec: MapSpec;
  readonly maxEntries: number;
  count = 0;
  readonly #keyWords: number;
  readonly #maxPrefix: number;
  readonly #positions: Int32Array;
  readonly #stride: number;
  /** Key words, then held value words, of each node; nodes start at 1. */
  #rows: Int32Array;
  /** Children of each node: bit 0, bit 1. */
  #children: Int32Array;
  /** 1 where the node holds an element. */
  #holds: Uint8Array;
  #free = NONE;
  #used = 1;
  #root = NONE;

  constructor(spec: MapSpec) {
    this.spec = spec;
    this.maxEntries = spec.maxEntries;
    this.#keyWords = wordsOf(spec.keySize);
    this.#maxPrefix = (spec.keySize - 4) * BITS_PER_BYTE;
    const held = spec.storedWords ?? Array.from({ length: wordsOf(spec.valueSize) }, (_, w) => w);
    this.#positions = new Int32Array(wordsOf(spec.valueSize)).fill(-1);
    held.forEach((w, position) => (this.#positions[w] = this.#keyWords + position));
    this.#stride = this.#keyWords + held.length;
    this.#rows = new Int32Array(INITIAL_NODES * this.#stride);
    this.#children = new Int32Array(INITIAL_NODES * 2);
    this.#holds = new Uint8Array(INITIAL_NODES);
  }

  get modelBytes(): number {
    return this.#rows.byteLength + this.#children.byteLength + this.#holds.byteLength;
  }

  lookup(key: Int32Array, at: number): number {
    return this.peek(key, at);
  }

  peek(key: Int32Array, at: number): number {
    if (key[at]! > this.#maxPrefix) return -Errno.ENOENT;
    let found = NONE;
    for (let node = this.#root; node !== NONE; ) {
      const prefix = this.#prefixOf(node);
      const match = this.#commonBits(node, key, at);
      if (match === this.#maxPrefix) {
        found = node;
        break;
      }
      if (match < prefix) break;
      if (this.#holds[node] === 1) found = node;
      node = this.#children[2 * node + bitOf(key, at, prefix)]!;
    }
    return found === NONE ? -Errno.ENOENT : found;
  }

  update(key: Int32Array, at: number, flags: number, _cpu: number): number {
    if (flags < 0 || flags > UpdateFlag.exist || key[at]! > this.#maxPrefix) return -Errno.EINVAL;
    const wanted = key[at]!;
    let parent = NONE;
    let side = 0;
    let node = this.#root;
    let match = 0;
    while (node !== NONE) {
      match = this.#commonBits(node, key, at);
      const prefix = this.#prefixOf(node);
      if (prefix !== match || prefix === wanted || prefix === this.#maxPrefix) break;
      parent = node;
      side = bitOf(key, at, prefix);
      node = this.#children[2 * node + side]!;
    }
    const present = node !== NONE && this.#prefixOf(node) === match && match === wanted;
    const exists = present && this.#holds[node] === 1;
    if (exists && flags === UpdateFlag.noExist) return -Errno.EEXIST;
    if (!exists && flags === UpdateFlag.exist) return -Errno.ENOENT;
    if (exists) return this.#clearValue(node);
    if (this.count === this.maxEntries) return -Errno.ENOSPC;
    this.count++;
    if (present) {
      this.#holds[node] = 1;
      return this.#clearValue(node);
    }
    return this.#insert(key, at, parent, side, node, match);
  }

  /** Links a new node between `parent` and `node`, with an inner node where the two prefixes part. */
  #insert(key: Int32Array, at: number, parent: number, side: number, node: number, match: number): number {
    const wanted = key[at]!;
    const leaf = this.#make(key, at, wanted, 1);
    if (node === NONE) this.#attach(parent, side, leaf);
    else if (match === wanted) {
      this.#children[2 * leaf + this.#bitOfNode(node, match)] = node;
      this.#attach(parent, side, leaf);
    } else {
      const inner = this.#make(key, at, match, 0);
      const leafSide = bitOf(key, at, match);
      this.#children[2 * inner + leafSide] = leaf;
      this.#children[2 * inner + (1 - leafSide)] = node;
      this.#attach(parent, side, inner);
    }
    return leaf;
  }

  remove(key: Int32Array, at: number, _cpu: number): number {
    if (key[at]! > this.#maxPrefix) return -Errno.EINVAL;
    let grandparent = NONE;
    let parent = NONE;
    let node = this.#root;
    let match = 0;
    while (node !== NONE) {
      match = this.#commonBits(node, key, at);
      const prefix = this.#prefixOf(node);
      if (prefix !== match || prefix === key[at]) break;
      grandparent = parent;
      parent = node;
      node = this.#children[2 * node + bitOf(key, at, prefix)]!;
    }
    if (node === NONE || this.#prefixOf(node) !== key[at] || match !== key[at] || this.#holds[node] === 0) return -Errno.ENOENT;
    this.count--;
    const [zero, one] = [this.#children[2 * node]!, this.#children[2 * node + 1]!];
    if (zero !== NONE && one !== NONE) {
      this.#holds[node] = 0;
      return 0;
    }
    const heir = zero === NONE ? one : zero;
    if (heir === NONE && parent !== NONE && this.#holds[parent] === 0) {
      const sibling = this.#children[2 * parent]! === node ? this.#children[2 * parent + 1]! : this.#children[2 * parent]!;
      this.#replace(grandparent, parent, sibling);
      this.#release(parent);
    } else this.#replace(parent, node, heir);
    this.#release(node);
    return 0;
  }

  word(slot: number, w: number): number {
    const position = this.#positions[w]!;
    return position < 0 ? 0 : this.#rows[slot * this.#stride + position]!;
  }

  setWord(slot: number, w: number, value: number): void {
    const position = this.#positions[w]!;
    if (position >= 0) this.#rows[slot * this.#stride + position] = value;
  }

  copyKey(slot: number, out: Int32Array, at: number): void {
    for (let i = 0; i < this.#keyWords; i++) out[at + i] = this.#rows[slot * this.#stride + i]!;
  }

  /** Children before their parent, bit 0 before bit 1, as the kernel walks. */
  nextKey(key: Int32Array | null, at: number, out: Int32Array, outAt: number): number {
    const order = this.#postorder(this.#root, []);
    const current = key === null ? -1 : order.findIndex((node) => this.#isKey(node, key, at));
    const next = order[current + 1];
    if (next === undefined) return -Errno.ENOENT;
    this.copyKey(next, out, outAt);
    return 0;
  }

  #postorder(node: number, into: number[]): number[] {
    if (node === NONE) return into;
    this.#postorder(this.#children[2 * node]!, into);
    this.#postorder(this.#children[2 * node + 1]!, into);
    if (this.#holds[node] === 1) into.push(node);
    return into;
  }

  #isKey(node: number, key: Int32Array, at: number): boolean {
    return this.#prefixOf(node) === key[at] && this.#commonBits(node, key, at) === key[at];
  }

  #prefixOf(node: number): number {
    return this.#rows[node * this.#stride]!;
  }

  /** Leading bits that the node's prefix and the key share, at most the shorter of the two. */
  #commonBits(node: number, key: Int32Array, at: number): number {
    const limit = Math.min(this.#prefixOf(node), key[at]!);
    const row = node * this.#stride;
    for (let i = 1, bits = 0; bits < limit; i++, bits += 32) {
      const differing = swapBytes(this.#rows[row + i]! ^ key[at + i]!);
      if (differing !== 0) return Math.min(limit, bits + Math.clz32(differing));
    }
    return limit;
  }

  #bitOfNode(node: number, bit: number): number {
    return bitOf(this.#rows, node * this.#stride, bit);
  }

  #attach(parent: number, side: number, node: number): void {
    if (parent === NONE) this.#root = node;
    else this.#children[2 * parent + side] = node;
  }

  #replace(parent: number, node: number, heir: number): void {
    this.#attach(parent, parent !== NONE && this.#children[2 * parent + 1] === node ? 1 : 0, heir);
  }

  #make(key: Int32Array, at: number, prefix: number, holds: number): number {
    const node = this.#take();
    const row = node * this.#stride;
    this.#rows.fill(0, row, row + this.#stride);
    for (let i = 1; i < this.#keyWords; i++) this.#rows[row + i] = key[at + i]!;
    this.#rows[row] = prefix;
    this.#children[2 * node] = NONE;
    this.#children[2 * node + 1] = NONE;
    this.#holds[node] = holds;
    return node;
  }

  #take(): number {
    if (this.#free !== NONE) {
      const node = this.#free;
      this.#free = this.#children[2 * node]!;
      return node;
    }
    if (this.#used === this.#holds.length) this.#grow();
    return this.#used++;
  }

  #release(node: number): void {
    this.#holds[node] = 0;
    this.#children[2 * node] = this.#free;
    this.#free = node;
  }

  #grow(): void {
    const nodes = this.#holds.length * 2;
    const rows = new Int32Array(nodes * this.#stride);
    rows.set(this.#rows);
    this.#rows = rows;
    const children = new Int32Array(nodes * 2);
    children.set(this.#children);
    this.#children = children;
    const holds = new Uint8Array(nodes);
    holds.set(this.#holds);
    this.#holds = holds;
  }

  #clearValue(node: number): number {
    const row = node * this.#stride;
    this.#rows.fill(0, row + this.#keyWords, row + this.#stride);
    return node;
  }
}

/** Bit number `bit` of the key's data, most significant bit of the first byte first. */
function bitOf(key: Int32Array, at: number, bit: number): number {
  const byte = bit >>> 3;
  return (key[at + 1 + (byte >>> 2)]! >>> ((byte & 3) * BITS_PER_BYTE + (7 - (bit & 7)))) & 1;
}

function swapBytes(word: number): number {
  return ((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}
