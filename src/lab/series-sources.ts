/** Which columns a run's series has: fill and pressure of each watched map, and what happened since the last sample. */
import { DROP_REASONS } from "../cilium/datapath/drop-reasons.js";
import type { BuiltNode } from "../node/build.js";
import { WATCHED_MAPS } from "../node/map-watch.js";
import type { RunRecorder } from "../observe/recorder.js";
import type { SeriesSource } from "../observe/series.js";

export function seriesSources(node: BuiltNode, recorder: RunRecorder): readonly SeriesSource[] {
  const maps = WATCHED_MAPS.flatMap((name): SeriesSource[] => {
    if (node.maps.get(name) === undefined) return [];
    return [
      { name: `${name}_entries`, unit: "entries", read: () => node.maps.get(name)!.count },
      { name: `${name}_pressure`, unit: "ratio", read: () => node.maps.get(name)!.count / node.maps.get(name)!.maxEntries },
    ];
  });
  return [
    ...maps,
    { name: "connections_open", unit: "connections", read: () => node.node.peers.open },
    perStep("connections_opened", "connections", () => recorder.connectionsOpened),
    perStep("syn_sent", "packets", () => recorder.synSent),
    perStep("syn_retransmitted", "packets", () => recorder.synRetransmitted),
    perStep("queries_started", "queries", () => recorder.queriesStarted),
    perStep("queries_failed", "queries", () => recorder.queriesFailed),
    perStep("connections_failed", "connections", () => recorder.connectionsFailed),
    perStep("connections_broken", "connections", () => recorder.connectionsBroken),
    perStep("packets", "packets", () => recorder.packets),
    perStep("drops", "packets", () => recorder.drops.total),
    ...DROP_REASONS.map(({ code }): SeriesSource => ({ ...perStep(`drops_${code}`, "packets", () => recorder.drops.ofCode(code)), unlessZero: true })),
    ...hubbleColumns(node),
    perStep("gc_cpu", "ns", () => node.collector.cpuNs),
    perStep("packet_cpu", "ns", () => node.node.cpus.usedNs),
  ];
}

function hubbleColumns({ flows: { hubble } }: BuiltNode): readonly SeriesSource[] {
  if (hubble === null) return [];
  return [
    perStep("flows_lost", "events", () => hubble.upToDate().lost),
    perStep("flows_read", "flows", () => hubble.upToDate().read),
  ];
}

/** How much a counter has grown since the last sample. */
function perStep(name: string, unit: string, read: () => number): SeriesSource {
  let before = 0;
  return {
    name,
    unit: `${unit} per step`,
    read: () => {
      const now = read();
      const grown = now - before;
      before = now;
      return grown;
    },
  };
}
