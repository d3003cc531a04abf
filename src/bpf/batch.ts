/** The buffer of a batch operation: what `bpf(BPF_MAP_LOOKUP_BATCH)` fills for user space. */

/** In-cursor of the first call: the kernel's null pointer. */
export const BATCH_NO_CURSOR = -1;

/** Room for `capacity` elements of one map; reused from call to call. */
export class MapBatch {
  declare readonly capacity: number;
  /** Slots of the copied elements; after a delete they no longer belong to these keys, but `rows` still holds them. */
  declare readonly slots: Int32Array;
  /** Copied rows (key words, then held value words), `stride` words apart. */
  declare readonly rows: Int32Array;
  declare readonly stride: number;
  /** Elements copied by the last call. */
  count = 0;
  /** Where the next call goes on, or `BATCH_NO_CURSOR` when the last call left the cursor untouched. */
  cursor = BATCH_NO_CURSOR;

  constructor(capacity: number, stride: number) {
    this.capacity = capacity;
    this.stride = stride;
    this.slots = new Int32Array(capacity);
    this.rows = new Int32Array(capacity * stride);
  }

  /** Empties the buffer before a call. */
  begin(): void {
    this.count = 0;
    this.cursor = BATCH_NO_CURSOR;
  }

  /** Appends an element; the caller has checked that there is room. */
  add(slot: number, rows: Int32Array, from: number, words: number): void {
    this.slots[this.count] = slot;
    const base = this.count * this.stride;
    for (let i = 0; i < words; i++) this.rows[base + i] = rows[from + i]!;
    this.count++;
  }
}
