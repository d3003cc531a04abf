/** The agent's metrics that the model knows: names, types and meaning as `pkg/metrics/metrics.go` and the maps declare them. */
import type { MetricFamily } from "../../observe/metrics/metric-store.js";

const gauge = (name: string, help: string): MetricFamily => ({ name: `cilium_${name}`, type: "gauge", help });
const counter = (name: string, help: string): MetricFamily => ({ name: `cilium_${name}`, type: "counter", help });

export const AGENT_FAMILIES = {
  mapPressure: gauge("bpf_map_pressure", "Fill percentage of map, tagged by map name"),
  mapCapacity: gauge("bpf_map_capacity", "Capacity of map, tagged by map group. All maps with a capacity of 65536 are grouped under 'default'"),
  mapOps: counter("bpf_map_ops", "Total operations on map, tagged by map name"),
  gcRuns: counter("datapath_conntrack_gc_runs", "Number of times that the conntrack garbage collector process was run"),
  gcFallbacks: counter("datapath_conntrack_gc_key_fallbacks", "Number of times a key fallback was needed when iterating over the BPF map"),
  gcEntries: gauge("datapath_conntrack_gc_entries", "The number of alive and deleted conntrack entries at the end of a garbage collector run"),
  gcDuration: {
    name: "cilium_datapath_conntrack_gc_duration_seconds",
    type: "histogram",
    help: "Duration in seconds of the garbage collector process",
  },
  gcInterval: gauge("datapath_conntrack_gc_interval_seconds", "Interval in seconds between conntrack garbage collector runs"),
  dumpResets: counter("datapath_conntrack_dump_resets", "Number of conntrack dump resets. Happens when a BPF entry gets removed while dumping the map"),
  natGcEntries: gauge("datapath_nat_gc_entries", "The number of alive and deleted nat entries at the end of a garbage collector run"),
  signals: counter("datapath_signals_handled", "Number of times that the datapath signal handler process was run"),
  dropCount: counter("drop_count", "Total dropped packets, tagged by drop reason and ingress/egress direction"),
  dropBytes: counter("drop_bytes", "Total dropped bytes, tagged by drop reason and ingress/egress direction"),
  forwardCount: counter("forward_count", "Total forwarded packets, tagged by ingress/egress direction"),
  forwardBytes: counter("forward_bytes", "Total forwarded bytes, tagged by ingress/egress direction"),
  natMaxConnection: gauge("nat_endpoint_max_connection", "Max saturation of source ports on a egress-ip/external endpoint tuple"),
} as const satisfies Readonly<Record<string, MetricFamily>>;

/** Upper bounds of Prometheus' own default buckets, seconds: client_golang `DefBuckets`. */
export const DEFAULT_BUCKETS_S: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
