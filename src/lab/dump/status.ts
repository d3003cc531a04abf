/**
 * What a run knows of `cilium status --verbose`: pkg/client/client.go, `FormatStatusResponse`, and daemon/cmd/status.go,
 * `getBPFMapStatus`. Only the lines that the simulation has something to say about: no controllers, no addresses, no
 * cluster. The names of maps are those of the release; sizes are those of the maps at the moment.
 */
import type { CiliumSettings } from "../../cilium/agent/settings.js";
import type { CiliumMaps } from "../../cilium/maps.js";
import { CILIUM_MAPS, type CiliumMapName } from "../../cilium/maps/definitions.js";
import { alignTabs } from "../../hubble/tab-writer.js";

export interface StatusFacts {
  /** Such as "1.14.5". */
  readonly version: string;
  readonly cpus: number;
  /** Ticks a second of the node's kernel. */
  readonly hertz: number;
  readonly settings: CiliumSettings;
  readonly maps: CiliumMaps;
}

/** Releases from which names in the list of maps are as they are today. */
const MINOR = { masqueradeByFamily: 16, endpointsByName: 16, policyStats: 17 } as const;
/** `bpf-events-…`: pages of shared memory for each CPU's events, and their size in bytes. */
const MONITOR_PAGES = 64;
const PAGE_BYTES = 4096;

/** The text, lines aligned in columns as the command's tab writer does. */
export function statusText(facts: StatusFacts): string {
  return `${alignTabs(titles(facts))}${alignTabs(details(facts))}${alignTabs(mapTable(facts))}`;
}

function titles({ version, cpus, hertz, settings }: StatusFacts): string {
  const onOff = (on: boolean): string => (on ? "Enabled" : "Disabled");
  const { enableIpv4Masquerade: masquerade4, enableIpv6Masquerade: masquerade6 } = settings;
  const masquerading = !masquerade4 && !masquerade6
    ? "Disabled"
    : `${settings.enableBpfMasquerade ? "BPF" : "IPTables"} [IPv4: ${onOff(masquerade4)}, IPv6: ${onOff(masquerade6)}]`;
  const clock = settings.enableBpfClockProbe ? `jiffies\t[${hertz} Hz]` : "ktime";
  const lines = [
    "KVStore:\tDisabled\t",
    "Kubernetes:\tOk\t",
    `KubeProxyReplacement:\t${settings.kubeProxyReplacement ? "True" : "False"}\t`,
    `Cilium:\tOk   ${version} (v${version})`,
    `NodeMonitor:\tListening for events on ${cpus} CPUs with ${MONITOR_PAGES}x${PAGE_BYTES} of shared memory`,
    `Host Routing:\t${settings.enableHostLegacyRouting ? "Legacy" : "BPF"}`,
    `Masquerading:\t${masquerading}`,
    `Clock Source for BPF:\t${clock}`,
    `Hubble:\t${settings.enableHubble ? "Ok" : "Disabled"}`,
  ];
  return lines.map((line) => `${line}\n`).join("");
}

function details({ settings }: StatusFacts): string {
  if (!settings.kubeProxyReplacement) return "";
  const mode = settings.lbMode === "hybrid" ? "Hybrid" : settings.lbMode.toUpperCase();
  const selection = settings.lbAlgorithm === "maglev" ? `Maglev (Table Size: ${settings.maglevTableSize})` : "Random";
  return `KubeProxyReplacement Details:\n  Status:\tTrue\n  Mode:\t${mode}\n  Backend Selection:\t${selection}\n`;
}

function mapTable(facts: StatusFacts): string {
  const { settings } = facts;
  const ratio = settings.mapDynamicSizeRatio;
  const sizing = ratio > 0 ? `on (ratio: ${ratio.toFixed(6)})` : "off";
  const rows = mapRows(facts).map(([name, size]) => `  ${name}\t${size}\n`);
  return `${alignTabs(`BPF Maps:\tdynamic sizing: ${sizing}\n`)}  Name\tSize\n${rows.join("")}`;
}

/** Where this node has no such map, its twin's size, else the definition's. */
function mapRows({ version, settings, maps }: StatusFacts): readonly (readonly [string, number])[] {
  const minor = Number(version.split(".")[1]);
  const size = (...names: readonly [CiliumMapName, ...CiliumMapName[]]): number =>
    names.map((name) => maps.get(name)?.maxEntries).find((each) => each !== undefined) ?? CILIUM_MAPS[names[0]].maxEntries;
  const masquerade = size("ipmasq_v4", "ipmasq_v6");
  const endpoints = size("lxc");
  return [
    ["Auth", settings.authMapMax],
    ["Non-TCP connection tracking", size("ct_any4_global", "ct_any6_global")],
    ["TCP connection tracking", size("ct4_global", "ct6_global")],
    minor >= MINOR.endpointsByName ? ["Endpoints", endpoints] : ["Endpoint policy", endpoints],
    ["IP cache", size("ipcache")],
    ...(minor >= MINOR.masqueradeByFamily
      ? ([["IPv4 masquerading agent", masquerade], ["IPv6 masquerading agent", masquerade]] as const)
      : ([["IP masquerading agent", masquerade]] as const)),
    ["IPv4 fragmentation", settings.fragmentsMapMax],
    ["IPv4 service", size("lb4_services_v2", "lb6_services_v2")],
    ["IPv6 service", size("lb6_services_v2", "lb4_services_v2")],
    ["IPv4 service backend", size("lb4_backends_v3", "lb6_backends_v3")],
    ["IPv6 service backend", size("lb6_backends_v3", "lb4_backends_v3")],
    ["IPv4 service reverse NAT", size("lb4_reverse_nat", "lb6_reverse_nat")],
    ["IPv6 service reverse NAT", size("lb6_reverse_nat", "lb4_reverse_nat")],
    ["Metrics", size("metrics")],
    ["NAT", size("snat_v4_external", "snat_v6_external")],
    ["Neighbor table", size("nodeport_neigh4", "nodeport_neigh6")],
    [minor >= MINOR.endpointsByName ? "Endpoint policy" : "Global policy", settings.policyMapMax],
    ...(minor >= MINOR.policyStats ? ([["Policy stats", settings.policyStatsMapMax]] as const) : []),
    ["Session affinity", size("lb4_affinity", "lb6_affinity")],
    ["Sock reverse NAT", size("lb4_reverse_sk", "lb6_reverse_sk")],
  ];
}
