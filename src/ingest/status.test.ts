import { describe, expect, it } from "vitest";
import { DumpJson } from "./json-dumps.js";
import { parseStatusText } from "./status-text.js";

const STATUS = `KVStore:                 Ok   Disabled
Kubernetes:              Ok   1.28 (v1.28.3) [linux/amd64]
Kubernetes APIs:         ["cilium/v2::CiliumNetworkPolicy", "core/v1::Node"]
KubeProxyReplacement:    True   [eth0 10.0.0.5 (Direct Routing)]
CNI Chaining:            none
Cilium:                  Ok   1.14.5 (v1.14.5-85db28be)
NodeMonitor:             Listening for events on 16 CPUs with 64x4096 of shared memory
Cilium health daemon:    Ok
IPAM:                    IPv4: 7/254 allocated from 10.244.1.0/24,
Allocated addresses:
  10.244.1.10 (kube-system/coredns-5d78c9869d-5dqb9)
  10.244.1.51 (health)
Host Routing:            Legacy
Masquerading:            BPF   [eth0]   10.244.0.0/16 [IPv4: Enabled, IPv6: Disabled]
Clock Source for BPF:    jiffies   [250 Hz]
Controller Status:       44/45 healthy
  Name                         Last success   Last error    Count   Message
  cilium-health-ep             25s ago        never         0       no error
  ct-map-pressure              26s ago        1h2m3s ago    2       unable to dump the map
  sync-to-k8s-ciliumendpoint (3025)   2s ago   never        0       no error
Proxy Status:            OK, ip 10.244.1.2, 0 redirects active on ports 10000-20000, Envoy: embedded
Global Identity Range:   min 256, max 65535
Hubble:                  Ok   Current/Max Flows: 4000/4095 (97.68%), Flows/s: 12.34   Metrics: Ok
KubeProxyReplacement Details:
  Status:                 True
  Mode:                   DSR
  Backend Selection:      Maglev (Table Size: 16381)
  Session Affinity:       Enabled
  Services:
  - ClusterIP:      Enabled
BPF Maps:   dynamic sizing: on (ratio: 0.002500)
  Name                          Size
  Non-TCP connection tracking   65536
  TCP connection tracking       131072
  NAT                           131072
Encryption:                       Disabled
`;
const FOUND = {
  version: "1.14.5",
  state: "Ok",
  cpus: 16,
  dynamicSizeRatio: 0.0025,
  clockSource: "jiffies",
  clockHertz: 250,
  loadBalancerMode: "DSR",
  maglevTableSize: 16381,
  masquerading: "BPF",
  hostRouting: "Legacy",
  hubbleRing: { flows: 4000, size: 4095 },
  skipped: { count: 0, first: [] },
};
const MAPS = [
  { name: "Non-TCP connection tracking", size: 65536 },
  { name: "TCP connection tracking", size: 131072 },
  { name: "NAT", size: 131072 },
];

describe("cilium status --verbose", () => {
  it("gives what is needed of it", () => {
    expect(parseStatusText(STATUS.split("\n"))).toEqual({
      ...FOUND,
      maps: MAPS,
      controllers: [
        { name: "cilium-health-ep", lastSuccess: "25s ago", lastError: "never", failures: 0, message: "no error" },
        { name: "ct-map-pressure", lastSuccess: "26s ago", lastError: "1h2m3s ago", failures: 2, message: "unable to dump the map" },
        { name: "sync-to-k8s-ciliumendpoint (3025)", lastSuccess: "2s ago", lastError: "never", failures: 0, message: "no error" },
      ],
    });
  });

  it("may lack any part", () => {
    const { skipped, ...rest } = parseStatusText(["BPF Maps:   dynamic sizing: off", "  Name   Size", "  NAT   x", "~~~"]);
    expect(Object.entries(rest).filter(([, value]) => value !== undefined)).toEqual([["dynamicSizeRatio", 0], ["maps", []], ["controllers", []]]);
    expect(skipped.first).toEqual([{ line: 3, reason: "is no map with its size" }, { line: 4, reason: "is no line of a status" }]);
  });

  it("as JSON tells the same", () => {
    const reader = new DumpJson("status");
    const status = {
      cilium: { state: "Ok", msg: "1.14.5 (v1.14.5-85db28be)" },
      nodeMonitor: { cpus: 16 },
      "bpf-maps": { "dynamic-size-ratio": 0.0025, maps: MAPS },
      "clock-source": { mode: "jiffies", hertz: 250 },
      controllers: [
        { name: "ct-map-pressure", status: { "consecutive-failure-count": 2, "last-failure-msg": "no", "last-failure-timestamp": "2026-01-01T00:00:00Z" } },
      ],
      "kube-proxy-replacement": { features: { nodePort: { mode: "DSR", lutSize: 16381 } } },
      masquerading: { mode: "BPF" },
      "host-routing": { mode: "Legacy" },
      hubble: { observer: { "current-flows": 4000, "max-flows": 4095 } },
    };
    for (const line of JSON.stringify(status, null, 2).split("\n")) reader.add(line);
    expect(reader.finish()).toEqual({
      ...FOUND,
      maps: MAPS,
      controllers: [{ name: "ct-map-pressure", lastSuccess: "never", lastError: "2026-01-01T00:00:00Z", failures: 2, message: "no" }],
    });
  });
});
