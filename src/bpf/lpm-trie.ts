/**
 * `BPF_MAP_TYPE_LPM_TRIE`: longest prefix wins. kernel/bpf/lpm_trie.c, in the form it has since Linux 6.13 (and in the
 * stable kernels that took its fixes): update flags are honoured, and replacing works on a full trie.
 *
 * A key is a prefix length in bits (word 0) and data whose leading bits count, each byte from its most significant bit
 * on. Every node splits by the bit that follows its prefix; a node that only joins two others ("inner") holds no
 * element and always has two children.
 *
 *              10.0.0.0/8
 *             /          \
 *      10.1.0.0/16    (10.128.0.0/9 inner)
 *                      /              \
 *              10.128.1.0/24     10.200.0.0/16
 *
 * Iteration goes through children before their parent, bit 0 before bit 1: more specific prefixes come first.
 */

import { Errno } from "./errno.js";
import type { BpfMap } from "./map.js";
import { NOT_REMEMBERED, RecentLookups } from "./recent-lookups.js";
import { UpdateFlag, wordsOf } from "./spec.js";
import type { MapSpec } from "./spec.js";
import { heldPositions, heldWordCount } from "./value-words.js";

/** Bytes of the prefix length, before the data. */
const PREFIX_BYTES = 4;
/** Nodes that a trie has room for at first; it doubles as needed, since tries are sized far beyond their use. */
const INITIAL_NODES = 64;
const WORD_BITS = 32;
/** Nodes up to which a walk through the trie is no slower than remembering. */
const FEW_NODES = 16;

/** What a node is. */
const NodeKind = { free: 0, inner: 1, element: 2 } as const;

export class LpmTrieMap implements BpfMap {
  declare readonly spec: MapSpec;
  declare readonly maxEntries: number;
  count = 0;
  private declare readonly keyWords: number;
  private declare readonly maxPrefix: number;
  private declare readonly positions: Int32Array;
  private declare readonly stride: number;
  /** Key words (the first is the prefix length), then held value words, of each node; nodes start at 1. */
  private declare rows: Int32Array;
  /** Children of node n: `children[2n]` for bit 0, `children[2n + 1]` for bit 1. */
  private declare children: Int32Array;
  private declare kinds: Uint8Array;
  /** Nodes from the root to where `nextKey` stands. */
  private declare readonly path: Int32Array;
  private root = 0;
  /** Freed nodes, a stack through `children[2n]`. */
  private free = 0;
  private used = 0;
  /** From `FEW_NODES` on. */
  private recent: RecentLookups | null = null;

  constructor(spec: MapSpec) {
    this.spec = spec;
    this.maxEntries = spec.maxEntries;
    this.keyWords = wordsOf(spec.keySize);
    this.maxPrefix = (spec.keySize - PREFIX_BYTES) * 8;
    this.positions = heldPositions(spec);
    this.stride = this.keyWords + heldWordCount(spec);
    this.path = new Int32Array(this.maxPrefix + 1);
    this.rows = new Int32Array(INITIAL_NODES * this.stride);
    this.children = new Int32Array(INITIAL_NODES * 2);
    this.kinds = new Uint8Array(INITIAL_NODES);
  }

  get modelBytes(): number {
    return this.rows.byteLength + this.children.byteLength + this.kinds.byteLength + (this.recent?.modelBytes ?? 0);
  }

  lookup(key: Int32Array, at: number): number {
    const { recent } = this;
    if (recent === null) return this.peek(key, at);
    const known = recent.find(key, at);
    if (known !== NOT_REMEMBERED) return known;
    const found = this.peek(key, at);
    recent.keep(key, at, found);
    return found;
  }

  /** The element with the longest prefix that the key's own prefix begins with. */
  peek(key: Int32Array, at: number): number {
    const wanted = key[at]! >>> 0;
    const { rows, stride, children, kinds, maxPrefix } = this;
    if (wanted > maxPrefix) return -Errno.ENOENT;
    let found = 0;
    let node = this.root;
    while (node !== 0) {
      const prefix = rows[node * stride]!;
      const match = this.commonBits(node, key, at, wanted);
      if (match < prefix) break;
      if (kinds[node] === NodeKind.element) found = node;
      if (match === maxPrefix) break;
      node = children[2 * node + bitOf(key, at, prefix)]!;
    }
    return found === 0 ? -Errno.ENOENT : found;
  }

  update(key: Int32Array, at: number, flags: number, _cpu: number): number {
    const wanted = key[at]! >>> 0;
    if (flags < 0 || flags > UpdateFlag.exist || wanted > this.maxPrefix) return -Errno.EINVAL;
    const { rows, stride } = this;
    this.recent?.forget();
    let parent = 0;
    let node = this.root;
    let match = 0;
    while (node !== 0) {
      const prefix = rows[node * stride]!;
      match = this.commonBits(node, key, at, wanted);
      if (prefix !== match || prefix === wanted) break;
      parent = node;
      node = this.children[2 * node + bitOf(key, at, prefix)]!;
    }
    const sameNode = node !== 0 && rows[node * stride] === match;
    if (sameNode && this.kinds[node] === NodeKind.element) {
      if (flags === UpdateFlag.noExist) return -Errno.EEXIST;
      return this.renew(node, key, at);
    }
    if (flags === UpdateFlag.exist) return -Errno.ENOENT;
    if (this.count === this.maxEntries) return -Errno.ENOSPC;
    this.count++;
    if (sameNode) {
      this.kinds[node] = NodeKind.element;
      return this.renew(node, key, at);
    }
    return this.insert(key, at, wanted, parent, node, match);
  }

  remove(key: Int32Array, at: number, _cpu: number): number {
    const wanted = key[at]! >>> 0;
    if (wanted > this.maxPrefix) return -Errno.EINVAL;
    let grandparent = 0;
    let parent = 0;
    let node = this.root;
    let match = 0;
    while (node !== 0) {
      const prefix = this.prefixOf(node);
      match = this.commonBits(node, key, at, wanted);
      if (prefix !== match || prefix === wanted) break;
      grandparent = parent;
      parent = node;
      node = this.children[2 * node + bitOf(key, at, prefix)]!;
    }
    if (node === 0 || match !== wanted || this.prefixOf(node) !== wanted) return -Errno.ENOENT;
    if (this.kinds[node] !== NodeKind.element) return -Errno.ENOENT;
    this.count--;
    this.recent?.forget();
    this.detach(grandparent, parent, node);
    return 0;
  }

  word(slot: number, w: number): number {
    const position = this.positions[w]!;
    return position < 0 ? 0 : this.rows[slot * this.stride + this.keyWords + position]!;
  }

  setWord(slot: number, w: number, value: number): void {
    const position = this.positions[w]!;
    if (position >= 0) this.rows[slot * this.stride + this.keyWords + position] = value;
  }

  copyKey(slot: number, out: Int32Array, at: number): void {
    const base = slot * this.stride;
    for (let i = 0; i < this.keyWords; i++) out[at + i] = this.rows[base + i]!;
  }

  nextKey(key: Int32Array | null, at: number, out: Int32Array, outAt: number): number {
    const slot = this.nextSlot(key, at);
    if (slot === 0) return -Errno.ENOENT;
    this.copyKey(slot, out, outAt);
    return 0;
  }

  /** Slot after a key in iteration order (the first one when the key is null or absent), or 0 at the end. */
  nextSlot(key: Int32Array | null, at: number): number {
    const depth = key === null ? 0 : this.findPath(key, at);
    if (depth === 0) return this.firstBelow(this.root);
    const { path, children } = this;
    for (let i = depth - 1; i > 0; i--) {
      const parent = path[i - 1]!;
      const other = children[2 * parent + 1]!;
      if (children[2 * parent] === path[i] && other !== 0) return this.firstBelow(other);
      if (this.kinds[parent] === NodeKind.element) return parent;
    }
    return 0;
  }

  /** Fills `path` down to the element with this very key; its length, or 0 when there is none. */
  private findPath(key: Int32Array, at: number): number {
    const wanted = key[at]! >>> 0;
    if (wanted > this.maxPrefix) return 0;
    let depth = 0;
    let node = this.root;
    while (node !== 0) {
      this.path[depth++] = node;
      const prefix = this.prefixOf(node);
      if (this.commonBits(node, key, at, wanted) !== prefix) return 0;
      if (prefix === wanted) return this.kinds[node] === NodeKind.element ? depth : 0;
      node = this.children[2 * node + bitOf(key, at, prefix)]!;
    }
    return 0;
  }

  /** First element at or below a node in iteration order, or 0 below nothing. */
  private firstBelow(node: number): number {
    const { children } = this;
    let last = 0;
    let current = node;
    while (current !== 0) {
      last = current;
      current = children[2 * current]! || children[2 * current + 1]!;
    }
    return last;
  }

  /** Adds a node between `parent` and `node`, with an inner node where the two prefixes part. */
  private insert(key: Int32Array, at: number, wanted: number, parent: number, node: number, match: number): number {
    const leaf = this.make(key, at, wanted, NodeKind.element);
    if (node === 0) {
      this.adopt(parent, leaf);
    } else if (match === wanted) {
      this.children[2 * leaf + bitOf(this.rows, node * this.stride, match)] = node;
      this.adopt(parent, leaf);
    } else {
      const inner = this.make(key, at, match, NodeKind.inner);
      const side = bitOf(key, at, match);
      this.children[2 * inner + side] = leaf;
      this.children[2 * inner + 1 - side] = node;
      this.adopt(parent, inner);
    }
    return leaf;
  }

  /** Takes an element's node out, or leaves it as an inner node when it joins two others. */
  private detach(grandparent: number, parent: number, node: number): void {
    const zero = this.children[2 * node]!;
    const one = this.children[2 * node + 1]!;
    if (zero !== 0 && one !== 0) {
      this.kinds[node] = NodeKind.inner;
      return;
    }
    const child = zero + one;
    if (child === 0 && parent !== 0 && this.kinds[parent] === NodeKind.inner) {
      const sibling = this.children[2 * parent]! + this.children[2 * parent + 1]! - node;
      this.replace(grandparent, parent, sibling);
      this.release(parent);
    } else {
      this.replace(parent, node, child);
    }
    this.release(node);
  }

  /** Hangs a node below `parent` by the bit after the parent's prefix; below nothing it is the root. */
  private adopt(parent: number, node: number): void {
    if (parent === 0) this.root = node;
    else this.children[2 * parent + bitOf(this.rows, node * this.stride, this.prefixOf(parent))] = node;
  }

  private replace(parent: number, node: number, heir: number): void {
    if (parent === 0) this.root = heir;
    else if (this.children[2 * parent] === node) this.children[2 * parent] = heir;
    else this.children[2 * parent + 1] = heir;
  }

  private prefixOf(node: number): number {
    return this.rows[node * this.stride]!;
  }

  /** Leading data bits that a node and the key share, at most the shorter prefix of the two. */
  private commonBits(node: number, key: Int32Array, at: number, wanted: number): number {
    const { rows } = this;
    const base = node * this.stride;
    const prefix = rows[base]!;
    const limit = prefix < wanted ? prefix : wanted;
    for (let i = 1, bits = 0; bits < limit; i++, bits += WORD_BITS) {
      const differing = rows[base + i]! ^ key[at + i]!;
      if (differing !== 0) {
        const match = bits + Math.clz32(swapBytes(differing));
        return match < limit ? match : limit;
      }
    }
    return limit;
  }

  /** Gives a node a key with the same prefix (its bits past the prefix may differ) and a zero value. */
  private renew(node: number, key: Int32Array, at: number): number {
    const base = node * this.stride;
    for (let i = 1; i < this.keyWords; i++) this.rows[base + i] = key[at + i]!;
    this.rows.fill(0, base + this.keyWords, base + this.stride);
    return node;
  }

  private make(key: Int32Array, at: number, prefix: number, kind: number): number {
    const node = this.take();
    const base = node * this.stride;
    this.rows.fill(0, base, base + this.stride);
    this.rows[base] = prefix;
    for (let i = 1; i < this.keyWords; i++) this.rows[base + i] = key[at + i]!;
    this.children[2 * node] = 0;
    this.children[2 * node + 1] = 0;
    this.kinds[node] = kind;
    return node;
  }

  private take(): number {
    const node = this.free;
    if (node !== 0) {
      this.free = this.children[2 * node]!;
      return node;
    }
    if (++this.used === this.kinds.length) this.grow();
    if (this.used === FEW_NODES) this.recent = new RecentLookups(this.keyWords);
    return this.used;
  }

  private release(node: number): void {
    this.kinds[node] = NodeKind.free;
    this.children[2 * node] = this.free;
    this.free = node;
  }

  private grow(): void {
    const nodes = this.kinds.length * 2;
    const rows = new Int32Array(nodes * this.stride);
    const children = new Int32Array(nodes * 2);
    const kinds = new Uint8Array(nodes);
    rows.set(this.rows);
    children.set(this.children);
    kinds.set(this.kinds);
    this.rows = rows;
    this.children = children;
    this.kinds = kinds;
  }
}

/** Data bit number `bit` of the key at `at`. */
function bitOf(key: Int32Array, at: number, bit: number): number {
  const byte = bit >>> 3;
  return (key[at + 1 + (byte >>> 2)]! >>> ((byte & 3) * 8 + 7 - (bit & 7))) & 1;
}

function swapBytes(word: number): number {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}
