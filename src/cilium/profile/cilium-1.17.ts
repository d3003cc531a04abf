/**
 * Cilium 1.17. Read: source v1.17.0 (c2bbf787eab9) and v1.17.1 (d6c9f9e8d560, the baseline of the datapath model),
 * charts 1.17.1, .2, .5 and .18, flow API of v1.17.5, release notes of v1.17.6.
 */

import { cilium116 } from "./cilium-1.16.js";
import { withChanges } from "./cilium-profile.js";
import type { CiliumMinor } from "./cilium-profile.js";

export const cilium117: CiliumMinor = {
  minor: "1.17",
  referencePatch: 5,
  newestReadPatch: 18,
  inferred: ["datapath and agent after v1.17.1 carried over from it but for the pull requests named"],
  facts: withChanges(cilium116.facts, {
    conntrack: { accounting: "flag-default-off" }, // c308885174
    nat: {
      clamp: "scale", // 3621830f87, 9b6c0bddb6
      recreateOnStaleAddress: true, // 9b3bc127d0
      restoreReverseOnForward: true, // 5e21b6bcf1
    },
    policy: {
      mapNamePrefix: "cilium_policy_v2_", // a9ff8a7b07
      precedence: "deny-priority-prefix", // d169b04fb6
    },
    loadBalancer: {
      protocolDifferentiation: true, // 0cf22cc3c3
      perServiceAlgorithm: true, // d4b7fcaf9c
      perServiceMode: true, // 4ffe644a43
      maglevHashString: "bracketed-state", // 273d83ff55
    },
    gc: { firstScanLate: "warn" }, // tag v1.17.0
    helm: {
      chart: "1.17.18",
      added: [
        "bpf.ctAccounting",
        "bpf.events.default.rateLimit/burstLimit",
        "bpf.lbAlgorithmAnnotation",
        "bpf.lbModeAnnotation",
        "bpf.lbSourceRangeAllTypes",
        "enableLBIPAM",
        "hubble.metrics.dynamic.*",
        "loadBalancer.experimental",
      ],
      removed: ["wireguard.userspaceFallback"],
    },
    observation: {
      dropCodesAdded: [],
      flowFieldsAdded: [
        "Flow.file=38",
        "Policy.kind=5",
        "FlowFilter.source_cluster_name=37",
        "FlowFilter.destination_cluster_name=38",
      ],
    },
  }),
  changes: [
    {
      fromPatch: 2,
      what: "bpf-distributed-lru, Helm bpf.distributedLRU.enabled",
      source: "charts 1.17.1 and 1.17.2; PR 38037",
      set: { sizes: { distributedLruOption: true } },
    },
    {
      fromPatch: 4,
      what: "distributed LRU: sizes rounded to CPUs, only together with dynamic sizing",
      source: "PRs 39075 and 39214, 6d119aa8d2, edc02e8be3, issue 39009",
      set: { sizes: { distributedLruRounding: true } },
    },
    {
      fromPatch: 6,
      what: "only SYN without ACK recreates a conntrack entry",
      source: "PR 40448, release notes of v1.17.6",
      set: { conntrack: { createAction: "syn-without-ack" } },
    },
  ],
};
