/** Cilium 1.19. Read: charts 1.19.0 and 1.19.6, flow API and drop table of v1.19.3 and v1.19.4, pull requests; no source. */

import { cilium118 } from "./cilium-1.18.js";
import { withChanges } from "./cilium-profile.js";
import type { CiliumMinor } from "./cilium-profile.js";

export const cilium119: CiliumMinor = {
  minor: "1.19",
  referencePatch: 6,
  newestReadPatch: 6,
  inferred: ["datapath and GC carried over from 1.18 but for the pull requests named; no 1.19 source read"],
  facts: withChanges(cilium118.facts, {
    conntrack: {
      fillUpSignal: "none", // PR 42366 of 24 October 2025; v1.19.0 is of 4 February 2026
      valueLayout: "nat-in-ct", // PR 43017
    },
    nat: { dsrInfoInConntrack: true }, // PR 43017; the NAT entry goes with v1.20 (PR 43753)
    gc: { scheduler: "newer" }, // PRs 41258 and 47224; the loop's test is on the v1.19 branch
    helm: {
      chart: "1.19.6",
      added: [
        "bpf.monitorTraceIPOption",
        "bpf.policyMapPressureMetricsThreshold",
        "hubble.export.static.aggregationInterval",
        "hubble.export.static.fieldAggregate",
        "pmtuDiscovery.packetizationLayerPMTUDMode",
      ],
      removed: ["nodePort.enabled", "svcSourceRangeCheck (no default written)"],
    },
    observation: {
      hubbleLostIntervalS: 1, // PR 41163
      socketTracesAggregated: true, // PR 40807 of August 2025; bpf/bpf_sock.c of v1.19.5 as quoted
      dropCodesAdded: [],
      flowFieldsAdded: [
        "Flow.ip_trace_id=40",
        "Flow.emitter=41",
        "Flow.aggregate=21007",
        "Layer4.VRRP=6",
        "Layer4.IGMP=7",
        "Tunnel.vni=4",
        "LostEvent.first=4",
        "LostEvent.last=5",
        "FlowFilter.ip_trace_id=39",
        "FlowFilter.encrypted=40",
      ],
    },
  }),
  changes: [],
};
