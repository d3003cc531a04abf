/** Cilium 1.16. Read: source tags up to v1.16.4 (0380724290f0), chart 1.16.19; later patches from pull requests. */

import { cilium115 } from "./cilium-1.15.js";
import { withChanges } from "./cilium-profile.js";
import type { CiliumMinor } from "./cilium-profile.js";

export const cilium116: CiliumMinor = {
  minor: "1.16",
  referencePatch: 4,
  newestReadPatch: 19,
  inferred: ["datapath and agent after v1.16.4 carried over from it but for the pull requests named"],
  facts: withChanges(cilium115.facts, {
    conntrack: {
      valueLayout: "packets-bytes", // 641f1f892f
      accounting: "default-off-no-flag", // a runtime option of the endpoint only
      dsrFlagName: "dsr_internal", // tag v1.16.4
    },
    nat: {
      smallProgramTries: null, // tag v1.16.4
      reverseInsert: "insert-per-try", // 9f6d52e1a8
    },
    gc: {
      scheduler: "older", // 4293d2b283
      firstScanEndpointFilter: false, // 3a00f5b5bb
      pressureCountSeconds: 30, // 746876a1d4
      pressureCountChunk: 4096, // pkg/maps/ctmap, tag v1.16.4
    },
    helm: {
      chart: "1.16.19",
      kubeProxyReplacement: ["true", "false"], // 6a83269bee
      kubeProxyReplacementDeprecated: [],
      tunnelValue: "refused",
      hasTcx: true,
      added: [
        "bpf.datapathMode",
        "bpf.disableExternalIPMitigation",
        "bpf.enableTCX",
        "bpf.events.drop/policyVerdict/trace.enabled",
        "hubble.dropEventEmitter.*",
        "nodePort.addresses",
      ],
      removed: [
        "egressGateway.installRoutes",
        "encryption.{keyFile,mountPath,secretName,interface}",
        "endpointStatus",
        "remoteNodeIdentity",
        "containerRuntime.integration",
        "etcd.managed",
        "proxy.prometheus.enabled/port",
      ],
    },
    observation: {
      dropCodeHighest: 204,
      dropCodesAdded: [203, 204],
      flowFieldsAdded: [
        "Flow.trace_reason=36",
        "Flow.node_labels=37",
        "Flow.egress_denied_by=21004",
        "Flow.ingress_denied_by=21005",
        "Endpoint.cluster_name=7",
        "IP.source_xlated=5",
        "FlowFilter 33..36 and cel_expression",
      ],
    },
  }),
  changes: [
    {
      fromPatch: 1,
      what: "policy value holds the prefix length: somewhere from v1.16.1 to v1.16.4",
      source: "tags v1.16.0 and v1.16.4; the patch was not looked up",
      set: { policy: { precedence: null } },
    },
    {
      fromPatch: 3,
      what: "NAT entry with another source address is recreated",
      source: "9e43e037e5",
      set: { nat: { recreateOnStaleAddress: true } },
    },
    {
      fromPatch: 4,
      what: "policy: deny first, then the longer prefix",
      source: "tag v1.16.4",
      set: { policy: { precedence: "deny-prefix" } },
    },
    {
      fromPatch: 5,
      what: "a late first GC scan ends the process in v1.16.4 and warns in v1.17.0; not looked up in between",
      source: "tags v1.16.4 and v1.17.0",
      set: { gc: { firstScanLate: null } },
    },
    {
      fromPatch: 12,
      what: "only SYN without ACK recreates a conntrack entry",
      source: "PR 40449 of 9 July 2025; v1.16.12 is of 16 July 2025",
      set: { conntrack: { createAction: "syn-without-ack" } },
    },
  ],
};
