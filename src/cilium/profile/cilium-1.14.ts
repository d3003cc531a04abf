/**
 * Cilium 1.14. Read: source tags up to v1.14.6 (v1.14.5 = 85db28befd47), chart 1.14.5, flow API of the tag.
 * This is the oldest profile; the others are written as differences from the minor before them.
 */

import type { CiliumMinor } from "./cilium-profile.js";

export const cilium114: CiliumMinor = {
  minor: "1.14",
  referencePatch: 5,
  newestReadPatch: 6,
  inferred: [],
  facts: {
    conntrack: {
      // daemon/cmd/daemon_main.go, defaults of bpf-ct-timeout-*; 21600 s = 6 h
      timeouts: {
        regularTcpSeconds: 21600,
        regularAnySeconds: 60,
        serviceTcpSeconds: 21600,
        serviceAnySeconds: 60,
        serviceTcpGraceSeconds: 60,
        synSeconds: 60,
        finSeconds: 10,
      },
      reportIntervalSeconds: 5, // defaults.MonitorAggregationInterval
      createAction: "syn", // bpf/lib/conntrack.h, ct_tcp_select_action
      keyBytes4: 14, // struct ipv4_ct_tuple
      keyBytes6: 38, // struct ipv6_ct_tuple
      valueBytes: 56, // struct ct_entry
      valueLayout: "rx-tx-stats",
      accounting: "always",
      fillUpSignal: "any-error", // ct_create4, send_signal_ct_fill_up
      dsrFlagName: "dsr",
      // pkg/maps/ctmap/types.go
      maps: {
        tcp4: "cilium_ct4_global",
        any4: "cilium_ct_any4_global",
        tcp6: "cilium_ct6_global",
        any6: "cilium_ct_any6_global",
      },
    },
    nat: {
      // bpf/lib/nat.h: __snat_clamp_port_range, SNAT_COLLISION_RETRIES, SNAT_SIGNAL_THRES
      clamp: "modulo",
      tries: 128,
      signalAboveTryIndex: 64,
      smallProgramTries: { tries: 32, signalAboveTryIndex: 16 },
      reverseInsert: "lookup-then-insert-per-try",
      forwardInsert: "must-not-exist",
      recreateOnStaleAddress: false,
      restoreReverseOnForward: false,
      restoreForwardOnReply: false,
      portMax: 65535, // pkg/datapath/linux/config: EPHERMERAL_MAX / NODEPORT_PORT_MAX_NAT
      retriesHistogramMap4: null,
      retriesHistogramMap6: null,
      map4: "cilium_snat_v4_external", // pkg/maps/nat
      map6: "cilium_snat_v6_external",
      keyBytes4: 14,
      keyBytes6: 38,
      valueBytes4: 40, // struct ipv4_nat_entry
      valueBytes6: 56, // struct ipv6_nat_entry
      dsrNatEntry: true,
      dsrInfoInConntrack: false,
    },
    policy: {
      mapType: "lpm-trie", // since v1.14.0-pre.2, 54714dfe51
      lookupsMax: 2,
      keyBytes: 12, // struct policy_key
      valueBytes: 24, // struct policy_entry
      mapNamePrefix: "cilium_policy_",
      precedence: "wildcard-flags", // bpf/lib/policy.h, __policy_can_access
      statsMap: null,
    },
    ipcache: {
      mapType: "lpm-trie",
      map: "cilium_ipcache", // pkg/maps/ipcache
      entries: 512_000,
      keyBytes: 24, // struct ipcache_key
      valueBytes: 12, // struct remote_endpoint_info
    },
    loadBalancer: {
      // pkg/maps/lbmap
      services4: "cilium_lb4_services_v2",
      backends4: "cilium_lb4_backends_v3",
      reverseNat4: "cilium_lb4_reverse_nat",
      affinity4: "cilium_lb4_affinity",
      affinityMatch: "cilium_lb_affinity_match",
      maglev4: "cilium_lb4_maglev",
      sourceRange4: "cilium_lb4_source_range",
      reverseSk4: "cilium_lb4_reverse_sk",
      protocolDifferentiation: false,
      perServiceAlgorithm: false,
      perServiceMode: false,
      maglevHashString: "plain",
      maglevTableSizeDefault: 16381, // pkg/maglev, DefaultTableSize
      maglevSeedDefault: "JLfvgnHc2kaSUFaI", // pkg/maglev, DefaultHashSeed
    },
    gc: {
      // pkg/maps/ctmap/ctmap.go: calculateInterval, GetInterval; pkg/defaults: ConntrackGC*
      scheduler: "oldest",
      iteration: "per-key",
      startSeconds: 300,
      minSeconds: 10,
      maxSeconds: 43_200,
      maxIntervalOption: false,
      firstScanLate: "exit",
      firstScanLateSeconds: 30,
      firstScanEndpointFilter: true,
      orphanNatPurge: "signal-only",
      missingKeyIsSkipped: false,
      orphanDeletion: "while-walking",
      pressureCountSeconds: null,
      pressureCountChunk: null,
      intervalMetric: false,
    },
    sizes: {
      // pkg/option/config.go
      ctTcpEntriesDefault: 524_288,
      ctAnyEntriesDefault: 262_144,
      natEntriesDefault: 524_288,
      neighEntriesDefault: 524_288,
      sockRevEntriesDefault: 262_144,
      policyEntriesDefault: 16_384,
      policyEntriesMin: 256,
      policyEntriesMax: 65_536,
      loadBalancerEntriesDefault: 65_536,
      fragmentsEntriesDefault: 8192,
      fragmentsEntriesMin: 256,
      fragmentsEntriesMax: 65_536,
      authEntriesDefault: 524_288,
      authEntriesMin: 256,
      nodeEntriesDefault: 16_384,
      nodeEntriesConfigurable: false,
      egressGatewayPolicyEntriesDefault: 16_384,
      endpointEntries: 65_535,
      ipMasqEntries: 16_384,
      metricsEntries: 1024,
      policyStatsEntriesDefault: null,
      // IPv6 key + value as the agent's Go structs lie in memory. Socket reverse NAT: 32 + 20; the key's 28 bytes are padded
      // to its 8-byte cookie (written out as 6 bytes since 1.14, by the compiler before). Agents of 1.18.0 and 1.19.4 print
      // SizeofSockRevElement 52, and another's log fits it (404311371776 B give 3546590 and 1773295 entries). Cilium's own size
      // test passes 48.
      elementBytes: { ct: 94, nat: 94, neigh: 24, sockRev: 52 },
      dynamicFloors: { ctTcp: 131_072, ctAny: 65_536, nat: 131_072, sockRev: 65_536 },
      entriesMin: 1024, // LimitTableMin
      entriesMax: 16_777_216, // LimitTableMax
      dynamicSizeRatioDefault: 0.0025,
      distributedLruOption: false,
      distributedLruRounding: false,
    },
    helm: {
      chart: "1.14.5",
      kubeProxyReplacement: ["true", "false", "strict", "partial", "disabled"],
      kubeProxyReplacementDeprecated: ["strict", "partial", "disabled"],
      tunnelValue: "accepted",
      hasTcx: false,
      added: [],
      removed: [],
    },
    observation: {
      dropCodeHighest: 197, // pkg/monitor/api/drop.go
      dropCodesAdded: [],
      flowFieldsAdded: [],
      hubbleQueuePerCpu: 1024, // pkg/hubble/defaults
      hubbleQueueMax: 16_384,
      hubbleLostIntervalS: 0, // pkg/hubble/container/ring.go
      socketTracesAggregated: false, // bpf/lib/trace_sock.h
    },
  },
  changes: [
    {
      fromPatch: 3,
      what: "conntrack-gc-max-interval, Helm conntrackGCMaxInterval",
      source: "7b0cc4fbda",
      set: { gc: { maxIntervalOption: true } },
    },
  ],
};
