/**
 * What a run makes of every value of the chart (1.14 to 1.19) and of the agent's flags that have no value: it is modelled,
 * it decides nothing that is simulated, or it would change what the programs do and no model covers it. A test walks the
 * chart's keys: each belongs to one line, so a new one can't be forgotten.
 *
 * A line names keys; each stands for everything below it that no longer key of another line names.
 */

export type Support = "modelled" | "no effect" | "refused";

export interface ChartSupport {
  readonly support: Support;
  readonly keys: readonly string[];
  /** Flags of the agent with the same meaning; a ConfigMap, `extraConfig` and `extraArgs` may have them. */
  readonly flags: readonly string[];
  /** Why nothing changes, or what would. Empty where it is modelled. */
  readonly why: string;
  /** Refused unless the value is one of these: with them the feature is off. */
  readonly off: readonly string[];
  /** What to write instead. */
  readonly instead: string;
}

const words = (text: string): readonly string[] => text.split(/\s+/).filter((word) => word !== "");
/** Off in YAML and in the forms that Go takes. */
const OFF = ["false", "False", "FALSE", "f", "F", "0", ""];

function modelled(keys: string): ChartSupport {
  return { support: "modelled", keys: words(keys), flags: [], why: "", off: [], instead: "" };
}

function noEffect(why: string, keys: string): ChartSupport {
  return { support: "no effect", keys: words(keys), flags: [], why, off: [], instead: "" };
}

/** `what`: what the feature would change. `off`: values with which it is off. */
function refused(keys: string, flags: string, what: string, instead: string, off: readonly string[] = OFF): ChartSupport {
  return { support: "refused", keys: words(keys), flags: words(flags), why: what, off, instead };
}

const WITHOUT = "a scenario without it (false)";

export const CHART_SUPPORT: readonly ChartSupport[] = [
  // Sizes, lifetimes and collection of maps.
  modelled("bpf.authMapMax bpf.ctAnyMax bpf.ctTcpMax bpf.lbMapMax bpf.natMax bpf.neighMax bpf.nodeMapMax bpf.policyMapMax"),
  modelled("bpf.policyStatsMapMax bpf.mapDynamicSizeRatio bpf.distributedLRU.enabled bpf.preallocateMaps egressGateway.maxPolicyEntries"),
  modelled("conntrackGCInterval conntrackGCMaxInterval upgradeCompatibility bpfClockProbe"),
  noEffect("nothing in a run reads what entries count", "bpf.ctAccounting"),
  refused("cleanBpfState", "clean-cilium-bpf-state", "an agent that is restarted empties its maps", WITHOUT),
  refused("cleanState", "clean-cilium-state", "an agent that is restarted empties its maps", WITHOUT),

  // What is observed.
  modelled("bpf.monitorAggregation bpf.monitorInterval bpf.monitorFlags"),
  modelled("bpf.events.drop.enabled bpf.events.policyVerdict.enabled bpf.events.trace.enabled"),
  refused("bpf.events.default.rateLimit", "bpf-events-default-rate-limit", "events above a rate are lost", "0, no limit", ["0"]),
  refused("bpf.events.default.burstLimit", "bpf-events-default-burst-limit", "events above a rate are lost", "0, no limit", ["0"]),
  refused("bpf.monitorTraceIPOption", "ip-tracing-option-type", "programs read an IP option of each packet", "0"),
  noEffect("shows what happened, and decides nothing", `
    bpf.policyMapPressureMetricsThreshold dashboards debug hubble logOptions logSystemLoad monitor nat.mapStatsEntries nat.mapStatsInterval
    pprof prometheus`),

  // Address families, routing, masquerading.
  modelled("ipv4.enabled ipv6.enabled ipv4NativeRoutingCIDR routingMode tunnel tunnelPort tunnelProtocol gke.enabled aksbyocni.enabled"),
  modelled("eni.enabled azure.enabled alibabacloud.enabled enableIPv4Masquerade enableIPv6Masquerade bpf.masquerade bpf.hostLegacyRouting endpointRoutes.enabled"),
  modelled("fragmentTracking pmtuDiscovery.enabled ipMasqAgent.enabled"),
  modelled("bpf.datapathMode cni.chainingMode cni.chainingTarget loadBalancer.standalone"),
  refused("ipMasqAgent.config", "ip-masq-agent-config-path", "prefixes of its own that are not masqueraded", "none, so that the agent's list counts", [""]),
  refused("MTU", "mtu", "packets of another size", "0: packets of 1500 bytes", ["0", "", "1500"]),
  refused("enableIPv4BIGTCP", "enable-ipv4-big-tcp", "packets of up to 512 KiB through the programs", WITHOUT),
  refused("enableIPv6BIGTCP", "enable-ipv6-big-tcp", "packets of up to 512 KiB through the programs", WITHOUT),
  refused("enableTunnelBIGTCP", "enable-tunnel-big-tcp", "packets of up to 512 KiB through the programs", WITHOUT),
  refused("highScaleIPcache.enabled", "enable-high-scale-ipcache", "an ipcache without most pods, and another tunnel", WITHOUT),
  refused("underlayProtocol", "underlay-protocol", "tunnels over IPv6", "ipv4", ["ipv4", "auto", ""]),
  refused("vtep.enabled", "enable-vtep", "tunnels to devices outside the cluster", WITHOUT),
  refused("remoteNodeIdentity", "enable-remote-node-identity", "other nodes count as this one in policies and masquerading", "true", ["true", ""]),
  refused("customCalls.enabled", "enable-custom-calls", "programs of your own", WITHOUT),
  refused("", "enable-srv6", "SRv6", WITHOUT),
  refused("", "multicast-enabled", "multicast", WITHOUT),
  refused("", "enable-cluster-aware-addressing enable-inter-cluster-snat", "conntrack and NAT maps by cluster", WITHOUT),
  refused("", "enable-ipip-termination", "IPIP", WITHOUT),
  refused("", "enable-active-connection-tracking", "a map that counts the connections of each service", WITHOUT),
  noEffect("routes, devices and rules of the host: the simulated node has one device and no netfilter", `
    annotateK8sNode autoDirectNodeRoutes devices directRoutingSkipUnreachable disableIptablesFeederRules egressMasqueradeInterfaces
    enableMasqueradeRouteSource enableRuntimeDeviceDetection enableXTSocketFallback enableIdentityMark forceDeviceDetection
    iptablesLockTimeout iptablesRandomFully installNoConntrackIptablesRules bpf.enableTCX bpf.vlanBypass tunnelSourcePortRange pmtuDiscovery
    waitForKubeProxy sysctlfix`),
  noEffect("addresses come from the scenario's cluster", "ipam eni azure alibabacloud gke aksbyocni defaultLBServiceIPAM enableLBIPAM nodeIPAM"),
  noEffect("ARP only", "l2announcements l2podAnnouncements l2NeighDiscovery"),
  noEffect("routes that other nodes and routers learn", "bgp bgpControlPlane"),
  noEffect("IPv6 prefixes follow from the IPv4 ones", "ipv6NativeRoutingCIDR"),
  noEffect("how the container runtime finds the plugin", "cni containerRuntime"),
  noEffect("pods of the model send under their own address", "daemon.enableSourceIPVerification"),

  // Load balancing.
  modelled("kubeProxyReplacement socketLB.enabled socketLB.hostNamespaceOnly socketLB.tracing nodePort.enabled nodePort.range"),
  modelled("loadBalancer.mode loadBalancer.algorithm loadBalancer.acceleration loadBalancer.dsrDispatch maglev sessionAffinity"),
  modelled("loadBalancer.protocolDifferentiation bpf.lbModeAnnotation bpf.lbAlgorithmAnnotation bpf.lbExternalClusterIP"),
  modelled("svcSourceRangeCheck serviceNoBackendResponse sctp.enabled"),
  refused("nat46x64Gateway.enabled", "enable-nat46x64-gateway bpf-lb-nat46x64", "NAT between IPv4 and IPv6", WITHOUT),
  refused("localRedirectPolicy", "enable-local-redirect-policy", "services that pods of this node answer instead", "false, and the service with localBackends"),
  refused("localRedirectPolicies.enabled", "", "services that pods of this node answer instead", "false, and the service with localBackends"),
  refused("ingressController.enabled", "enable-ingress-controller", "load balancing above layer 4", WITHOUT),
  refused("gatewayAPI.enabled", "enable-gateway-api", "load balancing above layer 4", WITHOUT),
  refused("envoyConfig.enabled", "enable-envoy-config", "load balancing above layer 4", WITHOUT),
  refused("loadBalancer.l7.backend", "loadbalancer-l7", "load balancing above layer 4", "disabled", ["disabled", ""]),
  refused("enableK8sTerminatingEndpoint", "enable-k8s-terminating-endpoint", "terminating backends lose their connections at once", "true", ["true", ""]),
  noEffect("services of a scenario have none of it", `
    bpf.disableExternalIPMitigation bpf.lbSourceRangeAllTypes enableInternalTrafficPolicy enableNoServiceEndpointsRoutable
    externalIPs hostPort nodePort ingressController gatewayAPI envoyConfig loadBalancer localRedirectPolicies`),
  noEffect("each exchange of the model has a socket of its own", "socketLB"),

  // Policy.
  modelled("policyEnforcementMode policyAuditMode hostFirewall.enabled"),
  refused("policyDenyResponse", "policy-deny-response", "an ICMP answer to denied packets", "none", ["none", ""]),
  modelled("l7Proxy"),
  refused("envoy.useOriginalSourceAddress", "proxy-use-original-source-address", "the L7 proxy speaks as the node to every server", "true", ["true", ""]),
  noEffect("rules of a scenario name workloads, ports and HTTP as such; the L7 proxy is set as the chart sets it", `
    authentication bpf.tproxy dnsProxy dnsPolicyUnloadOnShutdown enableNonDefaultDenyPolicies endpointLockdownOnMapOverflow k8sNetworkPolicy
    policyCIDRMatchMode proxy standaloneDnsProxy tls enableK8sEventHandover wellKnownIdentities envoy disableEnvoyVersionCheck`),

  // Features of their own.
  modelled("bandwidthManager.enabled egressGateway.enabled encryption.enabled encryption.type"),
  refused("encryption.nodeEncryption", "encrypt-node", "encryption between processes of nodes", WITHOUT),
  refused("encryption.strictMode.enabled", "enable-encryption-strict-mode", "drops of what is not encrypted", WITHOUT),
  refused("encryption.strictMode.egress.enabled", "enable-encryption-strict-mode-egress", "drops of what is not encrypted", WITHOUT),
  refused("encryption.strictMode.ingress.enabled", "enable-encryption-strict-mode-ingress", "drops of what is not encrypted", WITHOUT),
  refused("encryption.wireguard.encapsulate", "wireguard-encapsulate", "WireGuard inside the tunnel", WITHOUT),
  refused("encryption.ipsec.encryptedOverlay", "enable-ipsec-encrypted-overlay", "IPsec around the tunnel", WITHOUT),
  refused("", "enable-ztunnel", "encryption by ztunnel", WITHOUT),
  refused("bandwidthManager.bbr", "enable-bbr", "BBR as congestion control", WITHOUT),
  noEffect("keys and files of features that their own switch decides about", "encryption egressGateway bandwidthManager ipMasqAgent vtep"),
  noEffect("pods of other clusters are as pods of other nodes", "cluster clustermesh externalWorkloads"),
  noEffect("probes of the nodes among themselves are not simulated", `
    healthChecking endpointHealthChecking healthCheckICMPFailureThreshold connectivityProbeFrequencyRatio`),

  // What Kubernetes and the agent do besides.
  noEffect("how the programs and processes are installed and reach the API", `
    affinity agent agentNotReadyTaintKey annotations apiRateLimit bpf certgen cgroup ciliumEndpointSlice clusterHealthPort commonLabels
    configDriftDetection crdWaitTimeout daemon disableEndpointCRD dnsPolicy enableCiliumEndpointSlice enableCnpStatusUpdates
    enableCriticalPriorityClass enableK8sEndpointSlice endpointPolicyUpdateTimeoutDuration endpointStatus etcd
    extraContainers extraEnv extraHostPathMounts extraInitContainers extraVolumeMounts extraVolumes healthPort
    identityAllocationMode identityChangeGracePeriod identityManagementMode image imagePullSecrets initResources k8s
    k8sClientExponentialBackoff k8sClientRateLimit k8sServiceHost k8sServiceHostRef k8sServiceLookupConfigMapName
    k8sServiceLookupNamespace k8sServicePort keepDeprecatedLabels keepDeprecatedProbes kubeConfigPath
    kubeProxyReplacementHealthzBindAddr labels livenessProbe name namespaceOverride nodeLabels nodeSelector nodeSelectorLabels
    nodeinit nonIdempotentAnnotations operator podAnnotations podLabels podSecurityContext preflight priorityClassName rbac
    readinessProbe resourceQuotas resources rollOutCiliumPods scheduling secretsNamespaceAnnotations secretsNamespaceLabels
    securityContext serviceAccounts sleepAfterInit startupProbe synchronizeK8sNodes terminationGracePeriodSeconds tmpVolume
    tolerations updateStrategy`),
  modelled("extraConfig extraArgs"),
];

const BY_KEY = new Map(CHART_SUPPORT.flatMap((line) => line.keys.map((key) => [key, line] as const)));
const BY_FLAG = new Map(CHART_SUPPORT.flatMap((line) => line.flags.map((flag) => [flag, line] as const)));

/** The line that a key of the chart belongs to: its own, or that of the nearest key above it. */
export function supportOf(path: readonly string[]): ChartSupport | undefined {
  for (let steps = path.length; steps > 0; steps--) {
    const line = BY_KEY.get(path.slice(0, steps).join("."));
    if (line !== undefined) return line;
  }
  return undefined;
}

/** The line of a flag that a run refuses. */
export function refusedFlag(flag: string): ChartSupport | undefined {
  return BY_FLAG.get(flag);
}
