/**
 * How the chart turns values into `cilium-config`: which key is written as which flag, and when. This is what
 * `templates/cilium-configmap.yaml` does for the settings that the model knows; what needs more than one key is in
 * `chart-to-config.ts`.
 */

/**
 * When a key is written: `present` if it is given and not null, `truthy` only if Go's templates take it for true (0, ""
 * and false leave the flag out, so the agent's default stays).
 */
export type When = "present" | "truthy";

export interface ChartRule {
  readonly key: string;
  readonly flag: string;
  readonly when: When;
  /** A count that older charts print as Helm holds it, as a floating-point number (see `largeNumberBreaks`). */
  readonly count?: true;
}

const present = (key: string, flag: string): ChartRule => ({ key, flag, when: "present" });
const truthy = (key: string, flag: string): ChartRule => ({ key, flag, when: "truthy" });
const count = (rule: ChartRule): ChartRule => ({ ...rule, count: true });

/** Keys that stand for one flag each. */
export const CHART_RULES: readonly ChartRule[] = [
  present("ipv4.enabled", "enable-ipv4"),
  present("ipv6.enabled", "enable-ipv6"),
  count(truthy("bpf.ctTcpMax", "bpf-ct-global-tcp-max")),
  count(truthy("bpf.ctAnyMax", "bpf-ct-global-any-max")),
  count(truthy("bpf.natMax", "bpf-nat-global-max")),
  count(truthy("bpf.neighMax", "bpf-neigh-global-max")),
  count(truthy("bpf.authMapMax", "bpf-auth-map-max")),
  count(truthy("bpf.nodeMapMax", "bpf-node-map-max")),
  count(present("bpf.policyMapMax", "bpf-policy-map-max")),
  count(present("bpf.policyStatsMapMax", "bpf-policy-stats-map-max")),
  count(present("bpf.lbMapMax", "bpf-lb-map-max")),
  truthy("egressGateway.maxPolicyEntries", "egress-gateway-policy-map-max"),
  truthy("bpf.mapDynamicSizeRatio", "bpf-map-dynamic-size-ratio"),
  present("bpf.distributedLRU.enabled", "bpf-distributed-lru"),
  present("bpf.preallocateMaps", "preallocate-bpf-maps"),
  truthy("bpf.ctAccounting", "bpf-conntrack-accounting"),
  truthy("conntrackGCInterval", "conntrack-gc-interval"),
  truthy("conntrackGCMaxInterval", "conntrack-gc-max-interval"),
  present("bpfClockProbe", "enable-bpf-clock-probe"),
  present("bpf.monitorAggregation", "monitor-aggregation"),
  present("bpf.monitorInterval", "monitor-aggregation-interval"),
  present("bpf.monitorFlags", "monitor-aggregation-flags"),
  present("bpf.events.drop.enabled", "bpf-events-drop-enabled"),
  present("bpf.events.policyVerdict.enabled", "bpf-events-policy-verdict-enabled"),
  present("bpf.events.trace.enabled", "bpf-events-trace-enabled"),
  truthy("bpf.events.default.rateLimit", "bpf-events-default-rate-limit"),
  truthy("bpf.events.default.burstLimit", "bpf-events-default-burst-limit"),
  present("bpf.policyMapPressureMetricsThreshold", "bpf-policy-map-pressure-metrics-threshold"),
  present("nat.mapStatsInterval", "nat-map-stats-interval"),
  truthy("tunnelPort", "tunnel-port"),
  truthy("ipv4NativeRoutingCIDR", "ipv4-native-routing-cidr"),
  truthy("ipam.mode", "ipam"),
  present("autoDirectNodeRoutes", "auto-direct-node-routes"),
  present("enableIPv4Masquerade", "enable-ipv4-masquerade"),
  present("enableIPv6Masquerade", "enable-ipv6-masquerade"),
  present("bpf.masquerade", "enable-bpf-masquerade"),
  truthy("ipMasqAgent.enabled", "enable-ip-masq-agent"),
  present("bpf.hostLegacyRouting", "enable-host-legacy-routing"),
  truthy("endpointRoutes.enabled", "enable-endpoint-routes"),
  present("bpf.datapathMode", "datapath-mode"),
  present("bpf.enableTCX", "enable-tcx"),
  truthy("egressGateway.enabled", "enable-ipv4-egress-gateway"),
  truthy("bandwidthManager.enabled", "enable-bandwidth-manager"),
  truthy("pmtuDiscovery.enabled", "enable-pmtu-discovery"),
  present("fragmentTracking", "enable-ipv4-fragment-tracking"),
  present("nodePort.autoProtectPortRange", "enable-auto-protect-node-port-range"),
  present("socketLB.enabled", "bpf-lb-sock"),
  present("socketLB.hostNamespaceOnly", "bpf-lb-sock-hostns-only"),
  present("socketLB.tracing", "trace-sock"),
  present("nodePort.range", "node-port-range"),
  present("loadBalancer.mode", "bpf-lb-mode"),
  present("loadBalancer.algorithm", "bpf-lb-algorithm"),
  present("loadBalancer.acceleration", "bpf-lb-acceleration"),
  present("loadBalancer.dsrDispatch", "bpf-lb-dsr-dispatch"),
  present("loadBalancer.serviceTopology", "enable-service-topology"),
  present("loadBalancer.protocolDifferentiation.enabled", "bpf-lb-proto-diff"),
  present("bpf.lbModeAnnotation", "bpf-lb-mode-annotation"),
  present("bpf.lbAlgorithmAnnotation", "bpf-lb-algorithm-annotation"),
  present("bpf.lbExternalClusterIP", "bpf-lb-external-clusterip"),
  present("maglev.tableSize", "bpf-lb-maglev-table-size"),
  present("maglev.hashSeed", "bpf-lb-maglev-hash-seed"),
  truthy("sessionAffinity", "enable-session-affinity"),
  truthy("svcSourceRangeCheck", "enable-svc-source-range-check"),
  truthy("serviceNoBackendResponse", "service-no-backend-response"),
  present("sctp.enabled", "enable-sctp"),
  present("policyEnforcementMode", "enable-policy"),
  present("policyAuditMode", "policy-audit-mode"),
  present("l7Proxy", "enable-l7-proxy"),
  present("hostFirewall.enabled", "enable-host-firewall"),
];

/** The same below `hubble`, written only while Hubble is enabled. */
export const HUBBLE_RULES: readonly ChartRule[] = [
  present("hubble.eventBufferCapacity", "hubble-event-buffer-capacity"),
  present("hubble.eventQueueSize", "hubble-event-queue-size"),
  truthy("hubble.dropEventEmitter.enabled", "hubble-drop-events"),
];

/** What `flow-parsing.ts` reads, and `flow-exports.ts` of exporters. */
export const FLOW_KEYS: readonly string[] = [
  ...["fileMaxSizeMb", "fileMaxBackups", "fileCompress"].flatMap((key) => [`hubble.export.${key}`, `hubble.export.static.${key}`]),
  "cluster.name",
  "hubble.networkPolicyCorrelation.enabled",
  ...["enabled", "http.urlQuery", "http.headers.allow", "http.headers.deny"].map((key) => `hubble.redact.${key}`),
  "hubble.export.static.allowList",
  "hubble.export.static.denyList",
  "hubble.export.static.fieldMask",
  "hubble.export.dynamic.enabled",
  "hubble.export.dynamic.config.content",
];

/** Keys that `chart-to-config.ts` reads together with others. */
const COMBINED_KEYS = [
  "upgradeCompatibility",
  "gke.enabled",
  "aksbyocni.enabled",
  "eni.enabled",
  "azure.enabled",
  "alibabacloud.enabled",
  "routingMode",
  "tunnel",
  "tunnelProtocol",
  "cni.chainingMode",
  "cni.chainingTarget",
  "installNoConntrackIptablesRules",
  "encryption.enabled",
  "encryption.type",
  "kubeProxyReplacement",
  "nodePort.enabled",
  "hostPort.enabled",
  "externalIPs.enabled",
  "loadBalancer.standalone",
  "hubble.enabled",
  "hubble.metrics.enabled",
  "hubble.metrics.port",
  "hubble.export.static.enabled",
  "hubble.export.static.filePath",
  "prometheus.enabled",
  "prometheus.port",
  "prometheus.metrics",
  "extraConfig",
  "extraArgs",
];

const MODELLED_KEYS = [...CHART_RULES, ...HUBBLE_RULES].map(({ key }) => key).concat(COMBINED_KEYS, FLOW_KEYS);

/** Whether a key, or one below it, decides anything in the model. */
export function isModelled(key: string): boolean {
  return MODELLED_KEYS.some((each) => each === key || each.startsWith(`${key}.`));
}

/** Smallest number that Go prints with an exponent. */
export const EXPONENT_FROM = 1_000_000;

/**
 * Whether this chart prints a large whole number of a values file with an exponent (2.097152e+06), which the agent
 * refuses. Helm reads numbers of files as floating-point; `| int` was added in 1.16.8, 1.17.2 and 1.18.0 (PR 37670).
 */
export function largeNumberBreaks(minor: number, patch: number): boolean {
  return minor < 16 || (minor === 16 && patch < 8) || (minor === 17 && patch < 2);
}
