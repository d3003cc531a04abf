/** What a collection costs in CPU time, ns. Measured on kernel 6.18 on a virtual machine with 2 CPUs, +-20 %. */

export interface GcCosts {
  /** One entry of a walk key by key: next key and look-up, two system calls. */
  readonly keyWalkEntryNs: number;
  /** One entry of a batch walk, calls included. */
  readonly batchEntryNs: number;
  /** A batch call by itself, for chunks with little in them. */
  readonly batchCallNs: number;
  /** A deletion by key, missing or not. */
  readonly deleteNs: number;
  /** A look-up from user space. */
  readonly lookupNs: number;
  /** How long a batch holds bucket locks, per entry copied. Assumed: about half of the time in the kernel. */
  readonly batchLockHeldNs: number;
  /** How long a deletion holds its bucket's lock. Assumed. */
  readonly deleteLockHeldNs: number;
}

/** kernel-maps measurements (512 Ki entries): dumps from user space, and user-space deletes. */
export const MEASURED_GC_COSTS: GcCosts = {
  keyWalkEntryNs: 2053, // next key + look-up; 2250 at 2 Mi entries
  batchEntryNs: 306, // batches of 1024; 328 at 2 Mi entries
  batchCallNs: 900, // a system call on that machine
  deleteNs: 950, // each delete adds 0.9 to 1.0 µs to a walk
  lookupNs: 846, // next key + look-up less next key only (1207)
  batchLockHeldNs: 150,
  deleteLockHeldNs: 150,
};

/** The part of a node's time in which the walk held bucket locks on its CPU. */
export interface SliceCost {
  /** CPU time, ns. */
  cpuNs: number;
  /** Of it, with a bucket lock held, ns. */
  heldNs: number;
}
