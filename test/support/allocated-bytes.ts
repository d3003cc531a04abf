/**
 * How many bytes of garbage-collected memory a piece of work allocates: growth of the heap between collections, summed
 * over the collections that happen meanwhile. Exact to what V8 and the test runner do on the side (some 10 kB).
 */
import { GCProfiler, getHeapStatistics } from "node:v8";

interface Collection {
  readonly beforeGC: { readonly heapStatistics: { readonly usedHeapSize: number } };
  readonly afterGC: { readonly heapStatistics: { readonly usedHeapSize: number } };
}

/** Bytes allocated on this thread's heap while `work` runs. Typed arrays' contents lie outside and do not count. */
export function allocatedBytes(work: () => void): number {
  const profiler = new GCProfiler();
  profiler.start();
  let floor = getHeapStatistics().used_heap_size;
  work();
  const end = getHeapStatistics().used_heap_size;
  const { statistics } = profiler.stop() as unknown as { readonly statistics: readonly Collection[] };
  let allocated = 0;
  for (const { beforeGC, afterGC } of statistics) {
    allocated += beforeGC.heapStatistics.usedHeapSize - floor;
    floor = afterGC.heapStatistics.usedHeapSize;
  }
  return allocated + end - floor;
}
