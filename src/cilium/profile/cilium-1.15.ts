/** Cilium 1.15. Read: source tags up to v1.15.5 (8c7e442ccd48), charts 1.15.5 and 1.15.19, flow API of the tag. */

import { cilium114 } from "./cilium-1.14.js";
import { withChanges } from "./cilium-profile.js";
import type { CiliumMinor } from "./cilium-profile.js";

export const cilium115: CiliumMinor = {
  minor: "1.15",
  referencePatch: 5,
  newestReadPatch: 19,
  inferred: ["datapath and agent after v1.15.5 carried over from it"],
  facts: withChanges(cilium114.facts, {
    conntrack: {
      timeouts: {
        ...cilium114.facts.conntrack.timeouts,
        regularTcpSeconds: 8000, // 6f242b94df: the kernel's keepalive time plus probes, 2h13m20s
        serviceTcpSeconds: 8000, // same commit
      },
    },
    nat: { reverseInsert: "lookup-per-try-insert-once" },
    gc: { maxIntervalOption: true }, // 3ea5e8c5e9
    sizes: { nodeEntriesConfigurable: true }, // tag v1.15.5; below the default is refused
    helm: {
      chart: "1.15.19",
      tunnelValue: "ignored", // chart 1.15.5
      added: [
        "bpf.nodeMapMax",
        "hubble.export.*",
        "hubble.redact.*",
        "loadBalancer.acceleration (default written)",
        "nodePort.enableHealthCheckLoadBalancerIP",
        "policyCIDRMatchMode",
      ],
      removed: ["tunnel"],
    },
    observation: {
      dropCodeHighest: 202,
      dropCodesAdded: [195, 198, 199, 200, 201, 202],
      flowFieldsAdded: [
        "Flow.extensions=150000",
        "Flow.egress_allowed_by=21001",
        "Flow.ingress_allowed_by=21002",
        "FlowFilter.http_url=31",
        "FlowFilter.http_header=32",
      ],
    },
  }),
  changes: [
    {
      fromPatch: 2,
      what: "GC ratio corrected for an early wake-up",
      source: "8ff317c767",
      set: { gc: { scheduler: "older" } },
    },
    {
      fromPatch: 2,
      what: "first GC scan no longer deletes entries of unknown addresses",
      source: "0d198f9619",
      set: { gc: { firstScanEndpointFilter: false } },
    },
    {
      fromPatch: 6,
      what: "chart: the value tunnel, ignored in 1.15.5, is refused by 1.15.19 at the latest",
      source: "charts 1.15.5 and 1.15.19",
      set: { helm: { tunnelValue: null } },
    },
    { fromPatch: 19, what: "chart refuses the value tunnel", source: "chart 1.15.19", set: { helm: { tunnelValue: "refused" } } },
  ],
};
