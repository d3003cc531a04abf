/**
 * What all hash maps share: rows, buckets, chains, iteration. Stands for `struct bpf_htab` and the lookup, next-key and
 * batch functions of kernel/bpf/hashtab.c.
 *
 * An element is a slot: a row of key words and held value words in `rows`, and a pair in `links`. Slots start at 1, so
 * that zero-filled memory means "none" everywhere and a table touches no memory before it needs it.
 *
 *     heads:  link, filter of each bucket        link = high bits of the element's hash | slot
 *     links:  link, hash of each slot            head -> link -> link -> 0
 *
 * The hash bits inside a link let a walk pass by other keys without touching their rows, and a bucket's filter tells
 * most absent keys without touching the chain. What an operation reads together lies together: memory is what operations
 * on large tables wait for.
 *
 * Simplified: one thread of control. Two operations never overlap, except that a bucket lock can be marked as held
 * (`holdBucketLock`), which makes updates and deletes fail the way an interrupting program sees it.
 */

import { lineAligned } from "../core/line-aligned.js";
import { BATCH_NO_CURSOR } from "./batch.js";
import type { MapBatch } from "./batch.js";
import { Errno } from "./errno.js";
import { jhash, jhashFour, jhashStart } from "./jhash.js";
import type { BpfMap } from "./map.js";
import { UpdateFlag, wordsOf } from "./spec.js";
import type { MapSpec } from "./spec.js";
import { heldPositions, heldWordCount } from "./value-words.js";

/** Element locks of a table: a CPU that holds one bucket's lock holds its whole group. HASHTAB_MAP_LOCK_COUNT, kernel 5.11 to 6.14. */
const LOCK_GROUPS = 8;

/** Buckets whose elements are counted together: 1024, so that the counters of a table of 2^20 buckets take 4 KiB. */
const BLOCK_SHIFT = 10;

/** From here on up lie the five hash bits that a bucket's filter of 32 bits is about, and with them the top bits of a link. */
const FILTER_SHIFT = 27;

/** Words of an IPv4 tuple as conntrack and NAT maps key by it. */
const FOUR_WORDS = 4;

/** A value for `lockCpu`: no bucket lock is held. */
const NO_CPU = -1;

/** Sizes that a subclass decides. */
export interface TableShape {
  readonly maxEntries: number;
  /** Slots to make: at least `maxEntries`, more where replacing needs spare elements. */
  readonly slots: number;
  /** Copies of the value in an element: CPUs for per-CPU types, else 1. */
  readonly valueCopies: number;
}

/** Learns when elements that it watches leave the table. */
export interface SlotWatcher {
  /** The element's row still holds its key. */
  leaves(slot: number): void;
}

export abstract class HashTable implements BpfMap {
  declare readonly spec: MapSpec;
  declare readonly maxEntries: number;
  count = 0;

  /** Bytes of a key. */
  declare readonly keySize: number;
  /** Words of a key. */
  declare readonly keyWords: number;
  /** Words of a value that are held, of one copy. */
  declare readonly heldWords: number;
  declare readonly valueCopies: number;
  /** Position of each value word among the held ones, or -1. */
  declare readonly positions: Int32Array;
  /** Key words, then held value words, of each slot. */
  declare readonly rows: Int32Array;
  /** Words of a row. */
  declare readonly stride: number;
  /** Number of buckets: smallest power of two that is at least `maxEntries`. */
  declare readonly buckets: number;

  /** Allocations to refuse with -ENOMEM from now on: an injected fault. */
  failAllocations = 0;

  declare protected readonly links: Int32Array;
  declare private readonly heads: Int32Array;
  declare private readonly blockCounts: Int32Array;
  declare private readonly slotMask: number;
  declare private readonly bucketMask: number;
  declare private readonly seed: number;
  declare private readonly hashStart: number;
  /** Keys are of four words, for which `find` and `hash` have straight code. */
  declare protected readonly hasFourWords: boolean;
  /** Keeps what is read ahead from being optimised away. */
  protected readSum = 0;
  private lockCpu = NO_CPU;
  private lockGroup = 0;
  private watcher: SlotWatcher | null = null;
  private watchedSlot = 0;
  private otherWatchedSlot = 0;

  constructor(spec: MapSpec, shape: TableShape) {
    this.spec = spec;
    this.maxEntries = shape.maxEntries;
    this.keySize = spec.keySize;
    this.keyWords = wordsOf(spec.keySize);
    this.valueCopies = shape.valueCopies;
    this.positions = heldPositions(spec);
    this.heldWords = heldWordCount(spec);
    this.stride = this.keyWords + this.heldWords * shape.valueCopies;
    this.buckets = bucketCount(shape.maxEntries);
    this.seed = spec.seed ?? 0;
    this.hashStart = jhashStart(spec.keySize, this.seed);
    this.hasFourWords = this.keyWords === FOUR_WORDS;

    this.rows = lineAligned((shape.slots + 1) * this.stride);
    this.links = new Int32Array(2 * (shape.slots + 1));
    this.heads = new Int32Array(2 * this.buckets);
    this.blockCounts = new Int32Array((this.buckets >>> BLOCK_SHIFT) + 1);
    const slotBits = 32 - Math.clz32(shape.slots);
    this.slotMask = (2 ** slotBits - 1) | 0; // as an int32: the power is a double
    this.bucketMask = this.buckets - 1;
  }

  get modelBytes(): number {
    return (
      this.rows.byteLength +
      this.links.byteLength +
      this.heads.byteLength +
      this.blockCounts.byteLength
    );
  }

  abstract update(key: Int32Array, at: number, flags: number, cpu: number): number;
  abstract lookup(key: Int32Array, at: number): number;
  /** Takes back the slot of an element that has left its chain. */
  protected abstract release(slot: number): void;

  /** Hash of a key. */
  hash(key: Int32Array, at: number): number {
    if (!this.hasFourWords) return this.hashAny(key, at);
    return jhashFour(this.hashStart, key[at]!, key[at + 1]!, key[at + 2]!, key[at + 3]!);
  }

  peek(key: Int32Array, at: number): number {
    const slot = this.find(key, at, this.hash(key, at));
    return slot === 0 ? -Errno.ENOENT : slot;
  }

  remove(key: Int32Array, at: number, cpu: number): number {
    const hash = this.hash(key, at);
    const slot = this.find(key, at, hash);
    if (this.isBusy(hash, cpu)) return -Errno.EBUSY;
    if (slot === 0) return -Errno.ENOENT;
    this.unlink(slot, hash);
    this.release(slot);
    return 0;
  }

  /** Index in `rows` of the first held value word of a slot. */
  valueBase(slot: number): number {
    return slot * this.stride + this.keyWords;
  }

  word(slot: number, w: number): number {
    const position = this.positions[w]!;
    return position < 0 ? 0 : this.rows[slot * this.stride + this.keyWords + position]!;
  }

  setWord(slot: number, w: number, value: number): void {
    const position = this.positions[w]!;
    if (position >= 0) this.rows[slot * this.stride + this.keyWords + position] = value;
  }

  /** Value word `w` of a CPU's copy; for per-CPU types. */
  cpuWord(slot: number, cpu: number, w: number): number {
    const position = this.positions[w]!;
    return position < 0 ? 0 : this.rows[this.valueBase(slot) + cpu * this.heldWords + position]!;
  }

  setCpuWord(slot: number, cpu: number, w: number, value: number): void {
    const position = this.positions[w]!;
    if (position >= 0) this.rows[this.valueBase(slot) + cpu * this.heldWords + position] = value;
  }

  copyKey(slot: number, out: Int32Array, at: number): void {
    const base = slot * this.stride;
    for (let i = 0; i < this.keyWords; i++) out[at + i] = this.rows[base + i]!;
  }

  /** Whether a slot's row holds this key. Says nothing about the slot being in the map. */
  sameKey(slot: number, key: Int32Array, at: number): boolean {
    const rows = this.rows;
    const base = slot * this.stride;
    for (let i = 0; i < this.keyWords; i++) {
      if (rows[base + i] !== key[at + i]) return false;
    }
    return true;
  }

  /** Writes key and held value words of a slot. */
  copyRow(slot: number, out: Int32Array, at: number): void {
    const base = slot * this.stride;
    for (let i = 0; i < this.stride; i++) out[at + i] = this.rows[base + i]!;
  }

  /** Whether the key of this row (as `copyRow` wrote it) is still in the map at that slot, and all that `mask` lets count is the same. */
  isUnchanged(slot: number, row: Int32Array, at: number, mask: Int32Array): boolean {
    return this.hasRow(slot, row, at, mask) && this.peek(row, at) === slot;
  }

  /** Writes some words of a row; `spans` are their places, from and to one after the other, and begin with the key's. */
  copyWords(slot: number, spans: Int32Array, out: Int32Array, at: number): void {
    const { rows } = this;
    const base = slot * this.stride;
    let to = at;
    for (let span = 0; span < spans.length; span += 2) {
      for (let i = base + spans[span]!; i < base + spans[span + 1]!; i++, to++) out[to] = rows[i]!;
    }
  }

  /** Whether the key of these words (as `copyWords` wrote them) is still in the map at that slot, and they are the same. */
  stillHolds(slot: number, words: Int32Array, at: number, spans: Int32Array): boolean {
    return this.hasWords(slot, words, at, spans) && this.peek(words, at) === slot;
  }

  /** What a program's lookup does to the element that it finds. */
  mark(_slot: number): void {}

  protected hasRow(slot: number, row: Int32Array, at: number, mask: Int32Array): boolean {
    const { rows, stride } = this;
    const base = slot * stride;
    let unequal = 0;
    for (let i = 0; i < stride; i++) unequal |= (rows[base + i]! ^ row[at + i]!) & mask[i]!;
    return unequal === 0;
  }

  protected hasWords(slot: number, words: Int32Array, at: number, spans: Int32Array): boolean {
    const { rows } = this;
    const base = slot * this.stride;
    let unequal = 0;
    let from = at;
    for (let span = 0; span < spans.length; span += 2) {
      const end = base + spans[span + 1]!;
      for (let i = base + spans[span]!; i < end; i++, from++) unequal |= rows[i]! ^ words[from]!;
    }
    return unequal === 0;
  }

  // Iteration: bucket after bucket, each chain front to back.

  nextKey(key: Int32Array | null, at: number, out: Int32Array, outAt: number): number {
    const slot = this.nextSlot(key, at);
    if (slot === 0) return -Errno.ENOENT;
    this.copyKey(slot, out, outAt);
    return 0;
  }

  /** Slot after a key in iteration order (first one when the key is null or absent), or 0 at the end. */
  nextSlot(key: Int32Array | null, at: number): number {
    if (key === null) return this.firstSlotFrom(0);
    const hash = this.hash(key, at);
    const slot = this.find(key, at, hash);
    if (slot === 0) return this.firstSlotFrom(0);
    const next = this.links[slot << 1]! & this.slotMask;
    return next !== 0 ? next : this.firstSlotFrom((hash & this.bucketMask) + 1);
  }

  /** First slot of bucket `bucket`, or 0 when the bucket is empty. */
  firstOfBucket(bucket: number): number {
    return this.heads[bucket << 1]! & this.slotMask;
  }

  /** Next slot of the same chain, or 0. */
  nextInBucket(slot: number): number {
    return this.links[slot << 1]! & this.slotMask;
  }

  /** First bucket that is not empty in `from` … `to` - 1, or `to`. */
  nextOccupied(from: number, to: number): number {
    const blockMask = (1 << BLOCK_SHIFT) - 1;
    let bucket = from;
    while (bucket < to && this.heads[bucket << 1] === 0) {
      if ((bucket & blockMask) === 0 && this.blockCounts[bucket >>> BLOCK_SHIFT] === 0) bucket += blockMask + 1;
      else bucket++;
    }
    return Math.min(bucket, to);
  }

  /** Bucket that an element is in. */
  bucketOf(slot: number): number {
    return this.links[(slot << 1) + 1]! & this.bucketMask;
  }

  /** Hash of an element's key. */
  hashOf(slot: number): number {
    return this.links[(slot << 1) + 1]!;
  }

  /** Elements in buckets `from` up to, not including, `to`. Costs a walk of at most two blocks of buckets. */
  countBetween(from: number, to: number): number {
    let total = 0;
    let bucket = from;
    const blockSize = 1 << BLOCK_SHIFT;
    while (bucket < to) {
      if ((bucket & (blockSize - 1)) === 0 && bucket + blockSize <= to) {
        total += this.blockCounts[bucket >>> BLOCK_SHIFT]!;
        bucket += blockSize;
      } else {
        total += this.chainLength(bucket++);
      }
    }
    return total;
  }

  /** First bucket at or after `from` by which a walk from `from` has passed `entries` elements, at most `buckets`. */
  bucketAfter(from: number, entries: number): number {
    let left = entries;
    let bucket = from;
    const blockSize = 1 << BLOCK_SHIFT;
    while (bucket < this.buckets && left > 0) {
      const inBlock = this.blockCounts[bucket >>> BLOCK_SHIFT]!;
      if ((bucket & (blockSize - 1)) === 0 && inBlock < left) {
        left -= inBlock;
        bucket += blockSize;
      } else {
        left -= this.chainLength(bucket++);
      }
    }
    return Math.min(bucket, this.buckets);
  }

  // Batches, as generic for all hash types: __htab_map_lookup_and_delete_batch().

  /**
   * Copies elements from bucket `cursor` on (`BATCH_NO_CURSOR` to begin) until the batch is full. 0 when stopped by
   * lack of room, -ENOENT when the end was reached (with elements), -ENOSPC when the first chain does not fit.
   */
  lookupBatch(cursor: number, batch: MapBatch): number {
    return this.walkBatch(cursor, batch, false);
  }

  /** The same, deleting what it copies. */
  lookupAndDeleteBatch(cursor: number, batch: MapBatch): number {
    return this.walkBatch(cursor, batch, true);
  }

  /**
   * Tells the watcher when one of these elements leaves (slot 0: none). There is one watcher at a time: another one is
   * told of its elements at once.
   */
  watch(watcher: SlotWatcher, slot: number, otherSlot: number): void {
    if (this.watcher !== watcher && this.watcher !== null) {
      if (this.watchedSlot !== 0) this.watcher.leaves(this.watchedSlot);
      if (this.otherWatchedSlot !== 0) this.watcher.leaves(this.otherWatchedSlot);
    }
    this.watcher = watcher;
    this.watchedSlot = slot;
    this.otherWatchedSlot = otherSlot;
  }

  // The bucket lock hook.

  /**
   * Marks the lock of a bucket as held on a CPU, as while a batch walk copies that bucket: until released, updates and
   * deletes on that CPU of keys in the same lock group fail with -EBUSY. Kernels 5.11 to 6.14 (`htab_lock_bucket()`).
   */
  holdBucketLock(bucket: number, cpu: number): void {
    this.lockCpu = cpu;
    this.lockGroup = bucket & this.lockMask();
  }

  releaseBucketLock(): void {
    this.lockCpu = NO_CPU;
  }

  protected isBusy(hash: number, cpu: number): boolean {
    return this.lockCpu === cpu && (hash & this.lockMask()) === this.lockGroup;
  }

  protected refusesAllocation(): boolean {
    if (this.failAllocations === 0) return false;
    this.failAllocations--;
    return true;
  }

  /** Presence rule of an update: 0, -EEXIST or -ENOENT. */
  protected presenceError(found: boolean, flags: number): number {
    if (found) return flags === UpdateFlag.noExist ? -Errno.EEXIST : 0;
    return flags === UpdateFlag.exist ? -Errno.ENOENT : 0;
  }

  /**
   * Slot of a key with hash `hash`, or 0.
   *
   * Keys of four words (IPv4 conntrack and NAT tuples) go through straight code. It, `hash` and `lookup` together stay
   * below the size up to which V8 inlines (920 bytes of bytecode, a fifth of it reserved), and write nothing: the fewer
   * instructions a lookup takes, the earlier the processor comes to the loads of the next one, and waiting for memory
   * is most of what lookups in large tables do.
   */
  protected find(key: Int32Array, at: number, hash: number): number {
    const { heads } = this;
    const bucket = (hash & this.bucketMask) << 1;
    if (((heads[bucket + 1]! >>> (hash >>> FILTER_SHIFT)) & 1) === 0) return 0;
    if (!this.hasFourWords) return this.findAny(key, at, hash);
    const { links, rows, slotMask } = this;
    let link = heads[bucket]!;
    while (link !== 0) {
      const slot = link & slotMask;
      if (((link ^ hash) & ~slotMask) === 0) {
        const base = slot * this.stride;
        const unequal =
          (rows[base]! ^ key[at]!) |
          (rows[base + 1]! ^ key[at + 1]!) |
          (rows[base + 2]! ^ key[at + 2]!) |
          (rows[base + 3]! ^ key[at + 3]!);
        if (unequal === 0) return slot;
      }
      link = links[slot << 1]!;
    }
    return 0;
  }

  private hashAny(key: Int32Array, at: number): number {
    return jhash(key, at, this.keySize, this.seed);
  }

  private findAny(key: Int32Array, at: number, hash: number): number {
    const { links, slotMask } = this;
    let link = this.heads[(hash & this.bucketMask) << 1]!;
    while (link !== 0) {
      const slot = link & slotMask;
      if (((link ^ hash) & ~slotMask) === 0 && this.sameKey(slot, key, at)) return slot;
      link = links[slot << 1]!;
    }
    return 0;
  }

  /** Puts a slot with this key at the front of its chain; all its value words become zero. */
  protected link(slot: number, hash: number, key: Int32Array, at: number): void {
    const rows = this.rows;
    let word = slot * this.stride;
    const valueAt = word + this.keyWords;
    const end = word + this.stride;
    for (let i = at; word < valueAt; i++, word++) rows[word] = key[i]!;
    for (; word < end; word++) rows[word] = 0;
    const bucket = hash & this.bucketMask;
    const { heads, links } = this;
    links[slot << 1] = heads[bucket << 1]!;
    links[(slot << 1) + 1] = hash;
    heads[bucket << 1] = (hash & ~this.slotMask) | slot;
    heads[(bucket << 1) + 1]! |= 1 << (hash >>> FILTER_SHIFT);
    this.blockCounts[bucket >>> BLOCK_SHIFT]!++;
    this.count++;
  }

  /** Takes a slot, whose key has this hash, out of its chain. */
  protected unlink(slot: number, hash: number): void {
    if (slot === this.watchedSlot || slot === this.otherWatchedSlot) this.watcher?.leaves(slot);
    const { links, slotMask } = this;
    const bucket = hash & this.bucketMask;
    let before = 0;
    let filter = 0;
    for (let link = this.heads[bucket << 1]!; link !== 0; ) {
      const current = link & slotMask;
      const next = links[current << 1]!;
      if (current !== slot) {
        filter |= 1 << (link >>> FILTER_SHIFT);
        before = current;
      } else if (before === 0) {
        this.heads[bucket << 1] = next;
      } else {
        links[before << 1] = next;
      }
      link = next;
    }
    this.heads[(bucket << 1) + 1] = filter;
    this.blockCounts[bucket >>> BLOCK_SHIFT]!--;
    this.count--;
  }

  /**
   * Reads what `unlink` will read for these slots, the buckets first and then the elements in front. Large tables lie
   * outside the cache, and loads that don't depend on one another take the time of one.
   */
  protected readAhead(slots: Int32Array, count: number): void {
    const { links, heads, bucketMask, slotMask } = this;
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const bucket = links[(slots[i]! << 1) + 1]! & bucketMask;
      sum += heads[bucket << 1]!;
    }
    for (let i = 0; i < count; i++) sum ^= links[(heads[(links[(slots[i]! << 1) + 1]! & bucketMask) << 1]! & slotMask) << 1]!;
    this.readSum = sum | 0;
  }

  /** Reads the rows of these slots, which lie on one or two cache lines each; slot 0 stands for none. See `readAhead`. */
  readRows(slots: Int32Array, count: number): void {
    const { rows, stride } = this;
    const last = stride - 1;
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const base = slots[i]! * stride;
      sum ^= rows[base]! ^ rows[base + last]!;
    }
    this.readSum = sum;
  }

  /** Reads what a walk or a removal will read of the elements in front of these buckets. See `readAhead`. */
  readFronts(buckets: Int32Array, count: number): void {
    const { heads, links, rows, stride, slotMask } = this;
    let sum = 0;
    for (let i = 0; i < count; i++) sum ^= heads[buckets[i]! << 1]!;
    for (let i = 0; i < count; i++) {
      const slot = heads[buckets[i]! << 1]! & slotMask;
      sum ^= links[slot << 1]! ^ rows[slot * stride]! ^ rows[slot * stride + stride - 1]!;
    }
    this.readSum = sum;
  }

  /** Reads what lookups of the keys of these slots read before they come to the rows. See `readAhead`. */
  readBucketsOf(slots: Int32Array, count: number): void {
    const { links, heads, bucketMask } = this;
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const bucket = links[(slots[i]! << 1) + 1]! & bucketMask;
      sum ^= heads[bucket << 1]!;
    }
    this.readSum = sum;
  }

  /** The same of keys with these hashes. */
  readBuckets(hashes: Int32Array, count: number): void {
    const { heads, bucketMask } = this;
    let sum = 0;
    for (let i = 0; i < count; i++) sum ^= heads[(hashes[i]! & bucketMask) << 1]!;
    this.readSum = sum;
  }

  /** Zeroes the value words of `copies` copies from copy `first` on. */
  protected clearCopies(slot: number, first: number, copies: number): void {
    const base = this.valueBase(slot) + first * this.heldWords;
    this.rows.fill(0, base, base + copies * this.heldWords);
  }

  private lockMask(): number {
    return Math.min(LOCK_GROUPS, this.buckets) - 1;
  }

  private chainLength(bucket: number): number {
    let length = 0;
    for (let slot = this.firstOfBucket(bucket); slot !== 0; slot = this.nextInBucket(slot)) length++;
    return length;
  }

  private firstSlotFrom(bucket: number): number {
    const first = this.nextOccupied(bucket, this.buckets);
    return first === this.buckets ? 0 : this.firstOfBucket(first);
  }

  private walkBatch(cursor: number, batch: MapBatch, andDelete: boolean): number {
    batch.begin();
    let bucket = cursor === BATCH_NO_CURSOR ? 0 : cursor;
    if (batch.capacity === 0) return 0;
    if (bucket >= this.buckets) return -Errno.ENOENT;
    for (; bucket < this.buckets; bucket++) {
      const length = this.heads[bucket << 1] === 0 ? 0 : this.chainLength(bucket);
      if (length > batch.capacity - batch.count) {
        batch.cursor = bucket;
        return batch.count === 0 ? -Errno.ENOSPC : 0;
      }
      if (length > 0) this.copyBucket(bucket, batch, andDelete);
    }
    batch.cursor = bucket;
    return -Errno.ENOENT;
  }

  private copyBucket(bucket: number, batch: MapBatch, andDelete: boolean): void {
    const first = batch.count;
    for (let slot = this.firstOfBucket(bucket); slot !== 0; slot = this.nextInBucket(slot)) {
      batch.add(slot, this.rows, slot * this.stride, this.stride);
    }
    if (!andDelete) return;
    // The kernel chains the elements to free in front of one another and frees them off that list: last one first.
    for (let i = first; i < batch.count; i++) this.unlink(batch.slots[i]!, this.hashOf(batch.slots[i]!));
    for (let i = batch.count - 1; i >= first; i--) this.release(batch.slots[i]!);
  }
}

/** Smallest power of two that is at least `maxEntries`. */
export function bucketCount(maxEntries: number): number {
  let buckets = 1;
  while (buckets < maxEntries) buckets *= 2;
  return buckets;
}
