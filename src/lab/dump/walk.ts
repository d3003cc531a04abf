/** The elements of a map in the order in which a dump prints them: the kernel's, bucket by bucket. Reads only. */
import type { BpfMap } from "../../bpf/map.js";
import { tableOf } from "../../cilium/maps/table.js";

/** Slots of a hash map. */
export function* slotsOf(map: BpfMap): Iterable<number> {
  const table = tableOf(map);
  for (let bucket = table.nextOccupied(0, table.buckets); bucket < table.buckets; bucket = table.nextOccupied(bucket + 1, table.buckets)) {
    for (let slot = table.firstOfBucket(bucket); slot !== 0; slot = table.nextInBucket(slot)) yield slot;
  }
}
