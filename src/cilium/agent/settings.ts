/**
 * What the agent has been told: every setting that changes capacity, lifetimes, collection, load balancing or what is
 * observed, as the agent holds it after reading `cilium-config`.
 *
 * One flat, immutable object. Whoever reads a `values.yaml` or a ConfigMap fills it, starting from `defaultSettings`;
 * `SETTING_SOURCES` says which agent flag and Helm key each field comes from. Sizes that are `null` are left to the
 * agent (dynamic sizing or its static default). Durations are seconds unless the name says otherwise.
 *
 * Facts: Cilium `pkg/option/config.go`, `pkg/loadbalancer/config.go` and the chart's `cilium-configmap.yaml`, 1.14 to 1.19.
 */

import type { Nanoseconds, Seconds } from "../../core/units.js";
import type { CiliumProfile } from "../profile/cilium-profile.js";

/** `--monitor-aggregation`, in rising order of what is suppressed. */
export const MONITOR_AGGREGATION = ["none", "lowest", "low", "medium", "maximum"] as const;
export type MonitorAggregation = (typeof MONITOR_AGGREGATION)[number];

/** `--bpf-lb-mode`: how a request is forwarded to a remote backend; hybrid is DSR for TCP and SNAT for the rest. */
export type LoadBalancerMode = "snat" | "dsr" | "hybrid";
export type LoadBalancerAlgorithm = "random" | "maglev";
export type LoadBalancerAcceleration = "disabled" | "native" | "best-effort" | "generic";
export type DsrDispatch = "opt" | "ipip" | "geneve";
export type RoutingMode = "tunnel" | "native";
export type TunnelProtocol = "vxlan" | "geneve";
export type DatapathMode = "veth" | "netkit" | "netkit-l2" | "lb-only";
export type PolicyEnforcement = "default" | "always" | "never";

/** Ports from `first` to `last`, both included. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export interface CiliumSettings {
  // Address families
  readonly enableIpv4: boolean;
  readonly enableIpv6: boolean;

  // Map sizes, entries; null = not set, the agent chooses
  readonly ctTcpMax: number | null;
  readonly ctAnyMax: number | null;
  readonly natMax: number | null;
  readonly neighMax: number | null;
  readonly sockRevMax: number | null;
  readonly policyMapMax: number;
  readonly policyStatsMapMax: number;
  /** Common size of the load balancer's maps; the six below override it one by one. */
  readonly lbMapMax: number;
  readonly lbServiceMapMax: number | null;
  readonly lbBackendMapMax: number | null;
  readonly lbRevNatMapMax: number | null;
  readonly lbAffinityMapMax: number | null;
  readonly lbSourceRangeMapMax: number | null;
  readonly lbMaglevMapMax: number | null;
  readonly fragmentsMapMax: number;
  readonly authMapMax: number;
  readonly nodeMapMax: number;
  readonly egressGatewayPolicyMapMax: number;
  /** Share of the node's memory for dynamic sizing; 0 = off, static defaults. Through Helm 0 is not reachable. */
  readonly mapDynamicSizeRatio: number;
  /** `BPF_F_NO_COMMON_LRU` on the LRU maps: each CPU owns its share. */
  readonly distributedLru: boolean;
  readonly preallocateMaps: boolean;

  // Conntrack lifetimes and collection
  readonly ctTimeoutRegularTcp: Seconds;
  readonly ctTimeoutRegularAny: Seconds;
  readonly ctTimeoutServiceTcp: Seconds;
  readonly ctTimeoutServiceTcpGrace: Seconds;
  readonly ctTimeoutServiceAny: Seconds;
  readonly ctTimeoutSyn: Seconds;
  readonly ctTimeoutFin: Seconds;
  readonly ctAccounting: boolean;
  /** 0 = adaptive. */
  readonly conntrackGcInterval: Nanoseconds;
  /** 0 = no limit beyond the agent's own 12 h. Not read before 1.14.3. */
  readonly conntrackGcMaxInterval: Nanoseconds;
  readonly enableBpfClockProbe: boolean;

  // What is observed
  readonly monitorAggregation: MonitorAggregation;
  readonly monitorAggregationInterval: Nanoseconds;
  /** TCP flags whose first sight is reported, as a mask of the flag byte; 0xff = all. */
  readonly monitorAggregationFlags: number;
  readonly eventsDropEnabled: boolean;
  readonly eventsPolicyVerdictEnabled: boolean;
  readonly eventsTraceEnabled: boolean;
  /** Events a second per CPU, 0 = unlimited. */
  readonly eventsDefaultRateLimit: number;
  readonly eventsDefaultBurstLimit: number;
  readonly enableHubble: boolean;
  /** 2^n - 1, 1 … 65535. */
  readonly hubbleEventBufferCapacity: number;
  /** Null = CPUs × 1024, at most 16384. */
  readonly hubbleEventQueueSize: number | null;
  /** Hubble metric specifications as written, such as `drop:sourceContext=pod`. */
  readonly hubbleMetrics: readonly string[];
  /** `+name` and `-name` entries that switch agent metrics on and off. */
  readonly metrics: readonly string[];
  /** Agent's Prometheus endpoint; null = off. */
  readonly prometheusPort: number | null;
  readonly hubbleMetricsPort: number;
  readonly hubbleExportFilePath: string | null;
  readonly hubbleDropEvents: boolean;
  readonly natMapStatsInterval: Nanoseconds;
  /** Threshold from which a policy map's pressure is exported (1.19: `bpf.policyMapPressureMetricsThreshold`). */
  readonly policyMapPressureThreshold: number;

  // Routing and masquerading
  readonly routingMode: RoutingMode;
  readonly tunnelProtocol: TunnelProtocol;
  /** Null = the protocol's own port (8472, 6081). */
  readonly tunnelPort: number | null;
  readonly ipv4NativeRoutingCidr: string | null;
  /** `--ipam`: who gives pods their addresses; with eni and alibabacloud the network's own addresses. */
  readonly ipam: string;
  /** Routes to the other nodes' pods, installed by the agent. */
  readonly autoDirectNodeRoutes: boolean;
  readonly enableIpv4Masquerade: boolean;
  readonly enableIpv6Masquerade: boolean;
  readonly enableBpfMasquerade: boolean;
  readonly enableIpMasqAgent: boolean;
  readonly enableHostLegacyRouting: boolean;
  readonly enableEndpointRoutes: boolean;
  readonly cniChainingMode: string;
  readonly installNoConntrackIptablesRules: boolean;
  readonly datapathMode: DatapathMode;
  readonly enableTcx: boolean;
  readonly enableEgressGateway: boolean;
  readonly enableBandwidthManager: boolean;
  readonly enableWireguard: boolean;
  readonly enableIpsec: boolean;
  readonly enablePmtuDiscovery: boolean;
  readonly enableIpv4FragmentTracking: boolean;

  // Load balancing
  readonly kubeProxyReplacement: boolean;
  readonly socketLb: boolean;
  readonly socketLbHostNamespaceOnly: boolean;
  /** Translations of sockets are reported (`pre-xlate-fwd` …); without socket LB there are none. */
  readonly traceSockets: boolean;
  readonly enableNodePort: boolean;
  readonly enableHostPort: boolean;
  readonly enableExternalIps: boolean;
  readonly nodePortRange: PortRange;
  /** The agent takes NodePorts from the ephemeral ports (`net.ipv4.ip_local_reserved_ports`) where both ranges overlap. */
  readonly autoProtectNodePortRange: boolean;
  readonly lbMode: LoadBalancerMode;
  readonly lbAlgorithm: LoadBalancerAlgorithm;
  readonly lbAcceleration: LoadBalancerAcceleration;
  readonly dsrDispatch: DsrDispatch;
  readonly lbModeAnnotation: boolean;
  readonly lbAlgorithmAnnotation: boolean;
  readonly lbExternalClusterIp: boolean;
  /** Services told apart by protocol as well; two frontend lookups for a packet of no service. From 1.17. */
  readonly lbProtoDiff: boolean;
  readonly maglevTableSize: number;
  readonly maglevHashSeed: string;
  readonly enableSessionAffinity: boolean;
  readonly enableSvcSourceRangeCheck: boolean;
  readonly enableServiceTopology: boolean;
  readonly serviceNoBackendResponse: "reject" | "drop";
  readonly enableSctp: boolean;

  // Policy
  readonly policyEnforcement: PolicyEnforcement;
  readonly policyAuditMode: boolean;
  readonly allowIcmpFragNeeded: boolean;
  readonly enableIcmpRules: boolean;
  readonly enableL7Proxy: boolean;
  readonly enableHostFirewall: boolean;
}

/** Where a field comes from: the agent's flag (= key of the ConfigMap), and the Helm key when there is one. */
export interface SettingSource {
  readonly flag: string;
  readonly helm: string | null;
}

const source = (flag: string, helm: string | null = null): SettingSource => ({ flag, helm });

/** Flag and Helm key of every field; older spellings are the reader's business. */
export const SETTING_SOURCES: { readonly [Field in keyof CiliumSettings]: SettingSource } = {
  enableIpv4: source("enable-ipv4", "ipv4.enabled"),
  enableIpv6: source("enable-ipv6", "ipv6.enabled"),
  ctTcpMax: source("bpf-ct-global-tcp-max", "bpf.ctTcpMax"),
  ctAnyMax: source("bpf-ct-global-any-max", "bpf.ctAnyMax"),
  natMax: source("bpf-nat-global-max", "bpf.natMax"),
  neighMax: source("bpf-neigh-global-max", "bpf.neighMax"),
  sockRevMax: source("bpf-sock-rev-map-max"),
  policyMapMax: source("bpf-policy-map-max", "bpf.policyMapMax"),
  policyStatsMapMax: source("bpf-policy-stats-map-max", "bpf.policyStatsMapMax"),
  lbMapMax: source("bpf-lb-map-max", "bpf.lbMapMax"),
  lbServiceMapMax: source("bpf-lb-service-map-max"),
  lbBackendMapMax: source("bpf-lb-service-backend-map-max"),
  lbRevNatMapMax: source("bpf-lb-rev-nat-map-max"),
  lbAffinityMapMax: source("bpf-lb-affinity-map-max"),
  lbSourceRangeMapMax: source("bpf-lb-source-range-map-max"),
  lbMaglevMapMax: source("bpf-lb-maglev-map-max"),
  fragmentsMapMax: source("bpf-fragments-map-max"),
  authMapMax: source("bpf-auth-map-max", "bpf.authMapMax"),
  nodeMapMax: source("bpf-node-map-max", "bpf.nodeMapMax"),
  egressGatewayPolicyMapMax: source("egress-gateway-policy-map-max", "egressGateway.maxPolicyEntries"),
  mapDynamicSizeRatio: source("bpf-map-dynamic-size-ratio", "bpf.mapDynamicSizeRatio"),
  distributedLru: source("bpf-distributed-lru", "bpf.distributedLRU.enabled"),
  preallocateMaps: source("preallocate-bpf-maps", "bpf.preallocateMaps"),
  ctTimeoutRegularTcp: source("bpf-ct-timeout-regular-tcp"),
  ctTimeoutRegularAny: source("bpf-ct-timeout-regular-any"),
  ctTimeoutServiceTcp: source("bpf-ct-timeout-service-tcp"),
  ctTimeoutServiceTcpGrace: source("bpf-ct-timeout-service-tcp-grace"),
  ctTimeoutServiceAny: source("bpf-ct-timeout-service-any"),
  ctTimeoutSyn: source("bpf-ct-timeout-regular-tcp-syn"),
  ctTimeoutFin: source("bpf-ct-timeout-regular-tcp-fin"),
  ctAccounting: source("bpf-conntrack-accounting", "bpf.ctAccounting"),
  conntrackGcInterval: source("conntrack-gc-interval", "conntrackGCInterval"),
  conntrackGcMaxInterval: source("conntrack-gc-max-interval", "conntrackGCMaxInterval"),
  enableBpfClockProbe: source("enable-bpf-clock-probe", "bpfClockProbe"),
  monitorAggregation: source("monitor-aggregation", "bpf.monitorAggregation"),
  monitorAggregationInterval: source("monitor-aggregation-interval", "bpf.monitorInterval"),
  monitorAggregationFlags: source("monitor-aggregation-flags", "bpf.monitorFlags"),
  eventsDropEnabled: source("bpf-events-drop-enabled", "bpf.events.drop.enabled"),
  eventsPolicyVerdictEnabled: source("bpf-events-policy-verdict-enabled", "bpf.events.policyVerdict.enabled"),
  eventsTraceEnabled: source("bpf-events-trace-enabled", "bpf.events.trace.enabled"),
  eventsDefaultRateLimit: source("bpf-events-default-rate-limit", "bpf.events.default.rateLimit"),
  eventsDefaultBurstLimit: source("bpf-events-default-burst-limit", "bpf.events.default.burstLimit"),
  enableHubble: source("enable-hubble", "hubble.enabled"),
  hubbleEventBufferCapacity: source("hubble-event-buffer-capacity", "hubble.eventBufferCapacity"),
  hubbleEventQueueSize: source("hubble-event-queue-size", "hubble.eventQueueSize"),
  hubbleMetrics: source("hubble-metrics", "hubble.metrics.enabled"),
  metrics: source("metrics", "prometheus.metrics"),
  prometheusPort: source("prometheus-serve-addr", "prometheus.port"),
  hubbleMetricsPort: source("hubble-metrics-server", "hubble.metrics.port"),
  hubbleExportFilePath: source("hubble-export-file-path", "hubble.export.static.filePath"),
  hubbleDropEvents: source("hubble-drop-events", "hubble.dropEventEmitter.enabled"),
  natMapStatsInterval: source("nat-map-stats-interval", "nat.mapStatsInterval"),
  policyMapPressureThreshold: source(
    "bpf-policy-map-pressure-metrics-threshold",
    "bpf.policyMapPressureMetricsThreshold",
  ),
  routingMode: source("routing-mode", "routingMode"),
  tunnelProtocol: source("tunnel-protocol", "tunnelProtocol"),
  tunnelPort: source("tunnel-port", "tunnelPort"),
  ipv4NativeRoutingCidr: source("ipv4-native-routing-cidr", "ipv4NativeRoutingCIDR"),
  ipam: source("ipam", "ipam.mode"),
  autoDirectNodeRoutes: source("auto-direct-node-routes", "autoDirectNodeRoutes"),
  enableIpv4Masquerade: source("enable-ipv4-masquerade", "enableIPv4Masquerade"),
  enableIpv6Masquerade: source("enable-ipv6-masquerade", "enableIPv6Masquerade"),
  enableBpfMasquerade: source("enable-bpf-masquerade", "bpf.masquerade"),
  enableIpMasqAgent: source("enable-ip-masq-agent", "ipMasqAgent.enabled"),
  enableHostLegacyRouting: source("enable-host-legacy-routing", "bpf.hostLegacyRouting"),
  enableEndpointRoutes: source("enable-endpoint-routes", "endpointRoutes.enabled"),
  cniChainingMode: source("cni-chaining-mode", "cni.chainingMode"),
  installNoConntrackIptablesRules: source("install-no-conntrack-iptables-rules", "installNoConntrackIptablesRules"),
  datapathMode: source("datapath-mode", "bpf.datapathMode"),
  enableTcx: source("enable-tcx", "bpf.enableTCX"),
  enableEgressGateway: source("enable-ipv4-egress-gateway", "egressGateway.enabled"),
  enableBandwidthManager: source("enable-bandwidth-manager", "bandwidthManager.enabled"),
  enableWireguard: source("enable-wireguard", "encryption.enabled"),
  enableIpsec: source("enable-ipsec", "encryption.enabled"),
  enablePmtuDiscovery: source("enable-pmtu-discovery", "pmtuDiscovery.enabled"),
  enableIpv4FragmentTracking: source("enable-ipv4-fragment-tracking", "fragmentTracking"),
  kubeProxyReplacement: source("kube-proxy-replacement", "kubeProxyReplacement"),
  socketLb: source("bpf-lb-sock", "socketLB.enabled"),
  socketLbHostNamespaceOnly: source("bpf-lb-sock-hostns-only", "socketLB.hostNamespaceOnly"),
  traceSockets: source("trace-sock", "socketLB.tracing"),
  enableNodePort: source("enable-node-port", "nodePort.enabled"),
  enableHostPort: source("enable-host-port", "hostPort.enabled"),
  enableExternalIps: source("enable-external-ips", "externalIPs.enabled"),
  nodePortRange: source("node-port-range", "nodePort.range"),
  autoProtectNodePortRange: source("enable-auto-protect-node-port-range", "nodePort.autoProtectPortRange"),
  lbMode: source("bpf-lb-mode", "loadBalancer.mode"),
  lbAlgorithm: source("bpf-lb-algorithm", "loadBalancer.algorithm"),
  lbAcceleration: source("bpf-lb-acceleration", "loadBalancer.acceleration"),
  dsrDispatch: source("bpf-lb-dsr-dispatch", "loadBalancer.dsrDispatch"),
  lbModeAnnotation: source("bpf-lb-mode-annotation", "bpf.lbModeAnnotation"),
  lbAlgorithmAnnotation: source("bpf-lb-algorithm-annotation", "bpf.lbAlgorithmAnnotation"),
  lbExternalClusterIp: source("bpf-lb-external-clusterip", "bpf.lbExternalClusterIP"),
  lbProtoDiff: source("bpf-lb-proto-diff", "loadBalancer.protocolDifferentiation.enabled"),
  maglevTableSize: source("bpf-lb-maglev-table-size", "maglev.tableSize"),
  maglevHashSeed: source("bpf-lb-maglev-hash-seed", "maglev.hashSeed"),
  enableSessionAffinity: source("enable-session-affinity", "sessionAffinity"),
  enableSvcSourceRangeCheck: source("enable-svc-source-range-check", "svcSourceRangeCheck"),
  enableServiceTopology: source("enable-service-topology", "loadBalancer.serviceTopology"),
  serviceNoBackendResponse: source("service-no-backend-response", "serviceNoBackendResponse"),
  enableSctp: source("enable-sctp", "sctp.enabled"),
  policyEnforcement: source("enable-policy", "policyEnforcementMode"),
  policyAuditMode: source("policy-audit-mode", "policyAuditMode"),
  allowIcmpFragNeeded: source("allow-icmp-frag-needed"),
  enableIcmpRules: source("enable-icmp-rules"),
  enableL7Proxy: source("enable-l7-proxy", "l7Proxy"),
  enableHostFirewall: source("enable-host-firewall", "hostFirewall.enabled"),
};

/** Which TCP flag byte `--monitor-aggregation-flags all` stands for (the chart's default). */
export const MONITOR_FLAGS_ALL = 0xff;
/** syn, fin and rst: the agent's own default of `--monitor-aggregation-flags`, when no chart writes it. */
export const MONITOR_FLAGS_AGENT = 0x07;

const seconds = (value: number): Seconds => value as Seconds;
const nanoseconds = (value: number): Nanoseconds => value as Nanoseconds;

/**
 * What the agent of this version runs with when its chart is installed with an empty `values.yaml`.
 * Where the chart and the bare agent differ (aggregation none, flags syn/fin/rst, Hubble off), the chart's value is given.
 */
export function defaultSettings(profile: CiliumProfile): CiliumSettings {
  const { timeouts } = profile.conntrack;
  return {
    enableIpv4: true,
    enableIpv6: false,
    ctTcpMax: null,
    ctAnyMax: null,
    natMax: null,
    neighMax: null,
    sockRevMax: null,
    policyMapMax: profile.sizes.policyEntriesDefault,
    policyStatsMapMax: profile.sizes.policyStatsEntriesDefault ?? 0,
    lbMapMax: profile.sizes.loadBalancerEntriesDefault,
    lbServiceMapMax: null,
    lbBackendMapMax: null,
    lbRevNatMapMax: null,
    lbAffinityMapMax: null,
    lbSourceRangeMapMax: null,
    lbMaglevMapMax: null,
    fragmentsMapMax: profile.sizes.fragmentsEntriesDefault,
    authMapMax: profile.sizes.authEntriesDefault,
    nodeMapMax: profile.sizes.nodeEntriesDefault,
    egressGatewayPolicyMapMax: profile.sizes.egressGatewayPolicyEntriesDefault,
    mapDynamicSizeRatio: profile.sizes.dynamicSizeRatioDefault,
    distributedLru: false,
    preallocateMaps: false,
    ctTimeoutRegularTcp: seconds(timeouts.regularTcpSeconds),
    ctTimeoutRegularAny: seconds(timeouts.regularAnySeconds),
    ctTimeoutServiceTcp: seconds(timeouts.serviceTcpSeconds),
    ctTimeoutServiceTcpGrace: seconds(timeouts.serviceTcpGraceSeconds),
    ctTimeoutServiceAny: seconds(timeouts.serviceAnySeconds),
    ctTimeoutSyn: seconds(timeouts.synSeconds),
    ctTimeoutFin: seconds(timeouts.finSeconds),
    ctAccounting: profile.conntrack.accounting === "always",
    conntrackGcInterval: nanoseconds(0),
    conntrackGcMaxInterval: nanoseconds(0),
    enableBpfClockProbe: false,
    monitorAggregation: "medium",
    monitorAggregationInterval: nanoseconds(profile.conntrack.reportIntervalSeconds * 1e9),
    monitorAggregationFlags: MONITOR_FLAGS_ALL,
    eventsDropEnabled: true,
    eventsPolicyVerdictEnabled: true,
    eventsTraceEnabled: true,
    eventsDefaultRateLimit: 0,
    eventsDefaultBurstLimit: 0,
    enableHubble: true,
    hubbleEventBufferCapacity: 4095,
    hubbleEventQueueSize: null,
    hubbleMetrics: [],
    metrics: [],
    prometheusPort: null,
    hubbleMetricsPort: 9965,
    hubbleExportFilePath: null,
    hubbleDropEvents: false,
    natMapStatsInterval: nanoseconds(30e9),
    policyMapPressureThreshold: 0.1,
    routingMode: "tunnel",
    tunnelProtocol: "vxlan",
    tunnelPort: null,
    ipv4NativeRoutingCidr: null,
    ipam: "cluster-pool",
    autoDirectNodeRoutes: false,
    enableIpv4Masquerade: true,
    enableIpv6Masquerade: true,
    enableBpfMasquerade: false,
    enableIpMasqAgent: false,
    enableHostLegacyRouting: false,
    enableEndpointRoutes: false,
    cniChainingMode: "none",
    installNoConntrackIptablesRules: false,
    datapathMode: "veth",
    enableTcx: profile.helm.hasTcx,
    enableEgressGateway: false,
    enableBandwidthManager: false,
    enableWireguard: false,
    enableIpsec: false,
    enablePmtuDiscovery: false,
    enableIpv4FragmentTracking: true,
    kubeProxyReplacement: false,
    socketLb: false,
    socketLbHostNamespaceOnly: false,
    traceSockets: true,
    enableNodePort: false,
    enableHostPort: false,
    enableExternalIps: false,
    nodePortRange: { first: 30000, last: 32767 },
    autoProtectNodePortRange: true,
    lbMode: "snat",
    lbAlgorithm: "random",
    lbAcceleration: "disabled",
    dsrDispatch: "opt",
    lbModeAnnotation: false,
    lbAlgorithmAnnotation: false,
    lbExternalClusterIp: false,
    lbProtoDiff: profile.loadBalancer.protocolDifferentiation,
    maglevTableSize: profile.loadBalancer.maglevTableSizeDefault,
    maglevHashSeed: profile.loadBalancer.maglevSeedDefault,
    enableSessionAffinity: false,
    enableSvcSourceRangeCheck: true,
    enableServiceTopology: false,
    serviceNoBackendResponse: "reject",
    enableSctp: false,
    policyEnforcement: "default",
    policyAuditMode: false,
    allowIcmpFragNeeded: true,
    enableIcmpRules: true,
    enableL7Proxy: true,
    enableHostFirewall: false,
  };
}
