/**
 * Cilium 1.18. Read: source v1.18.0-pre.0 (3607c4139c24), development trees of 12 March and 29 May 2025 (1c13836613ad),
 * charts 1.18.0 and 1.18.12, flow API and drop table of v1.18.0 and v1.18.6.
 */

import { cilium117 } from "./cilium-1.17.js";
import { withChanges } from "./cilium-profile.js";
import type { CiliumMinor } from "./cilium-profile.js";

export const cilium118: CiliumMinor = {
  minor: "1.18",
  referencePatch: 12,
  newestReadPatch: 12,
  inferred: ["datapath and GC from the tree of 29 May 2025 plus the pull requests named; no 1.18 patch release read as source"],
  facts: withChanges(cilium117.facts, {
    conntrack: { createAction: "syn-without-ack" }, // PR 40447 of 9 July 2025; v1.18.0 is of 29 July
    nat: {
      tries: 32, // a36a4c93ff
      signalAboveTryIndex: 16, // a36a4c93ff
      forwardInsert: null, // overwriting (PR 40971) is later than the tree of 29 May 2025; first release not determined
      restoreForwardOnReply: true, // a54b9fce02
      retriesHistogramMap4: "cilium_snat_v4_alloc_retries", // 60f074d63f, e9eaabe0c7
      retriesHistogramMap6: "cilium_snat_v6_alloc_retries",
    },
    policy: { valueBytes: 8, statsMap: "cilium_policystats" }, // c6f05a5360
    ipcache: { map: "cilium_ipcache_v2" }, // tree of 29 May 2025
    gc: {
      iteration: "batch", // be4d573875
      missingKeyIsSkipped: true, // be4d573875
      orphanDeletion: "after-walk", // tree of 29 May 2025
      pressureCountChunk: null, // same starting chunk as the walk
      intervalMetric: true, // 82610768bf
    },
    sizes: {
      policyStatsEntriesDefault: 65_536,
      distributedLruOption: true, // 427e08aec7
      distributedLruRounding: true, // 6d119aa8d2
    },
    helm: {
      chart: "1.18.12",
      added: [
        "bandwidthManager.bbrHostNamespaceOnly",
        "bpf.policyStatsMapMax",
        "hubble.export.static.fileMaxSizeMb/fileMaxBackups/fileCompress",
        "hubble.networkPolicyCorrelation.enabled",
        "localRedirectPolicies.*",
      ],
      removed: [
        "hubble.export.fileMaxSizeMb",
        "hubble.export.fileMaxBackups",
        "hostPort.enabled",
        "externalIPs.enabled",
        "loadBalancer.experimental",
        "enableCiliumEndpointSlice",
        "ciliumEndpointSlice.sliceMode",
        "hubble.relay.dialTimeout",
      ],
    },
    observation: {
      dropCodeHighest: 205, // 7023bdd476
      dropCodesAdded: [205],
      flowFieldsAdded: ["Flow.tunnel=39", "Flow.policy_log=21006", "Tunnel.protocol/IP/l4"],
    },
  }),
  changes: [
    {
      fromPatch: 1,
      what: "GC loop with a deadline for the full pass: opened 19 August 2025, whether 1.18 received it is open",
      source: "PR 41258",
      set: { gc: { scheduler: null } },
    },
    {
      fromPatch: 3,
      what: "ct_fill_up on ENOMEM only: under review after v1.18.2, whether 1.18 received it is open",
      source: "PR 41864",
      set: { conntrack: { fillUpSignal: null } },
    },
  ],
};
