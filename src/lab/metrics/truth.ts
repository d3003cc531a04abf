/**
 * The truth beside what the agent shows: `ctlab_…` series that no real node has, read at the moment of the scrape.
 *
 * What the recorder counts begins after the warm-up, as everywhere else; the fill of the maps is always there.
 */
import { errnoName } from "../../bpf/errno.js";
import { dropText } from "../../cilium/datapath/drop-reasons.js";
import { NS_PER_S } from "../../core/units.js";
import type { BuiltNode } from "../../node/build.js";
import { labelText, type MetricFamily, type MetricStore } from "../../observe/metrics/metric-store.js";
import type { RunRecorder } from "../../observe/recorder.js";

const gauge = (name: string, help: string): MetricFamily => ({ name: `ctlab_${name}`, type: "gauge", help });
const counter = (name: string, help: string): MetricFamily => ({ name: `ctlab_${name}`, type: "counter", help });

const ENTRIES = gauge("bpf_map_entries", "Entries in the map at the moment of the scrape");
const PRESSURE = gauge("bpf_map_pressure", "Entries over the size of the map at the moment of the scrape");
const MAX_ENTRIES = gauge("bpf_map_max_entries", "Size of the map");
const EVICTIONS = counter("bpf_map_evictions", "Entries that an LRU map gave up to make room; live: their lifetime had not passed");
const REFUSED = counter("bpf_map_inserts_refused", "Inserts that the map refused");
const OPEN = gauge("connections_open", "Connections that are open");
const DROPS = counter("drops", "Dropped packets, with the errno that stood behind it");
const SYN_LATENCY: MetricFamily = {
  name: "ctlab_syn_latency_seconds",
  type: "histogram",
  help: "Time from connect() to an established connection",
};
const LEFT_OUT = gauge("series_left_out", "Samples of series that were left out because their family has too many");

/** What the recorder counts, by the name of the series. */
const COUNTED = [
  [counter("connections_opened", "Connections that were opened"), (recorder) => recorder.connectionsOpened],
  [counter("connections_established", "Connections that were established"), (recorder) => recorder.connectionsEstablished],
  [counter("connections_failed", "Connections that were given up before they were established"), (recorder) => recorder.connectionsFailed],
  [counter("connections_broken", "Established connections that ended with an error"), (recorder) => recorder.connectionsBroken],
  [counter("syn_sent", "SYNs that clients sent"), (recorder) => recorder.synSent],
  [counter("syn_retransmitted", "SYNs that clients sent again"), (recorder) => recorder.synRetransmitted],
  [counter("queries_started", "Exchanges of datagrams that were begun"), (recorder) => recorder.queriesStarted],
  [counter("queries_failed", "Exchanges of datagrams that were given up"), (recorder) => recorder.queriesFailed],
  [counter("packets", "Packets that went through the node's programs"), (recorder) => recorder.packets],
] as const satisfies readonly (readonly [MetricFamily, (recorder: RunRecorder) => number])[];

const GC_CPU = counter("gc_cpu_seconds", "CPU time of the conntrack garbage collector");
const PACKET_CPU = counter("packet_cpu_seconds", "CPU time that packets took");

/** Bounds of the SYN latency, seconds: a handshake's usual time, then the steps of retransmission. */
const SYN_BOUNDS_S = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3.5, 7.5, 15, 31, 63, 127];

export function collectTruth(store: MetricStore, node: BuiltNode, recorder: RunRecorder): void {
  for (const { name, entries, maxEntries, insertsRefused, evictions, evictionsLive } of node.watch.counts()) {
    const labels = labelText([["map_name", name]]);
    store.set(ENTRIES, labels, entries);
    store.set(PRESSURE, labels, entries / maxEntries);
    store.set(MAX_ENTRIES, labels, maxEntries);
    store.set(REFUSED, labels, insertsRefused);
    store.set(EVICTIONS, labelText([["map_name", name], ["live", "true"]]), evictionsLive);
    store.set(EVICTIONS, labelText([["map_name", name], ["live", "false"]]), evictions - evictionsLive);
  }
  store.set(OPEN, "", node.node.peers.open);
  for (const [family, read] of COUNTED) store.set(family, "", read(recorder));
  for (const { code, extError, egress, inside, outside } of recorder.drops.kinds()) {
    const errno = extError === 0 ? "" : errnoName(extError);
    const labels = labelText([["reason", dropText(code)], ["errno", errno], ["direction", egress ? "EGRESS" : "INGRESS"]]);
    store.set(DROPS, labels, inside + outside);
  }
  store.set(GC_CPU, "", node.collector.cpuNs / NS_PER_S);
  store.set(PACKET_CPU, "", node.node.cpus.usedNs / NS_PER_S);
  synLatency(store, recorder);
  for (const { family, samples } of store.leftOut()) store.set(LEFT_OUT, labelText([["family", family]]), samples);
}

/** From the counter's own buckets; one that a bound cuts counts above it, less than a thousandth of its value off. */
function synLatency(store: MetricStore, recorder: RunRecorder): void {
  const counts = new Float64Array(SYN_BOUNDS_S.length + 1);
  let sumS = 0;
  recorder.synLatency.forEach((low, high, count) => {
    const bucket = SYN_BOUNDS_S.findIndex((bound) => high <= bound * NS_PER_S);
    counts[bucket === -1 ? SYN_BOUNDS_S.length : bucket]! += count;
    sumS += (count * (low + high)) / 2 / NS_PER_S;
  });
  store.setHistogram(SYN_LATENCY, "", SYN_BOUNDS_S, counts, sumS);
}
