/**
 * How the node's programs are compiled: the agent's settings and the release's profile, as the datapath takes them.
 * Stands for the header file that the agent writes (pkg/datapath/linux/config) before it loads the programs.
 */
import { skippedFib } from "../cilium/agent/host-routing.js";
import { MONITOR_AGGREGATION, type CiliumSettings } from "../cilium/agent/settings.js";
import {
  clockUnits, DEFAULT_DATAPATH, type Cidr, type ConntrackConfig, type DatapathConfig, type LoadBalancerConfig, type NatConfig,
} from "../cilium/datapath/config.js";
import { ipv4, IPV6_WORDS } from "../cilium/maps/address.js";
import type { SettledProfile } from "../cilium/profile/assumptions.js";
import { NS_PER_S } from "../core/units.js";
import { addressOf, prefix6Of } from "./ipv6.js";
import { IFINDEX } from "./populate.js";
import type { Topology } from "./topology.js";

/** pkg/defaults: TunnelPortVXLAN, TunnelPortGeneve. */
const TUNNEL_PORT = { vxlan: 8472, geneve: 6081 } as const;

/** The node's datapath configuration. `settings` are effective ones (`effectiveSettings`); `hz`: the kernel's timer ticks a second. */
export function datapathConfig(settings: CiliumSettings, profile: SettledProfile, topology: Topology, hz: number): DatapathConfig {
  const clockHz = settings.enableBpfClockProbe ? hz : 0;
  const skipped = skippedFib(settings);
  return {
    ...DEFAULT_DATAPATH,
    clockHz,
    node: {
      ...DEFAULT_DATAPATH.node,
      nativeIfindex: IFINDEX.native,
      hostIfindex: IFINDEX.ciliumHost,
      hostEndpointId: topology.hostEndpointId,
      tunnelIfindex: IFINDEX.tunnel,
      address4: [topology.nodeAddress],
      router4: [topology.routerAddress],
      nativeRoutingCidr4: settings.ipv4NativeRoutingCidr === null ? null : cidr(settings.ipv4NativeRoutingCidr),
      address6: settings.enableIpv6 ? addressOf(topology.nodeAddress, IPV6_WORDS) : null,
      router6: settings.enableIpv6 ? addressOf(topology.routerAddress, IPV6_WORDS) : null,
      nativeRoutingCidr6: prefix6Of(cidr(topology.podCidr)),
      lxcSkipsFib: skipped.lxc,
      hostSkipsFib: skipped.host,
      tunnelPort: settings.tunnelPort ?? TUNNEL_PORT[settings.tunnelProtocol],
    },
    conntrack: conntrackConfig(settings, profile, clockHz),
    nat: natConfig(settings, profile),
    loadBalancer: loadBalancerConfig(settings, profile),
    tunnel: settings.routingMode === "tunnel",
    bpfMasquerade6: settings.enableBpfMasquerade && settings.enableIpv6Masquerade && settings.enableIpv6,
    dualStackWorldIdentities: settings.enableIpv6,
    bpfMasquerade4: settings.enableBpfMasquerade && settings.enableIpv4Masquerade,
    ipMasqAgent: settings.enableIpMasqAgent,
    hostRouting: !settings.enableHostLegacyRouting,
    endpointRoutes: settings.enableEndpointRoutes,
    fragmentTracking: settings.enableIpv4FragmentTracking,
    sctp: settings.enableSctp,
    icmpRules: settings.enableIcmpRules,
    allowIcmpFragNeeded: settings.allowIcmpFragNeeded,
    policyPrecedence: profile.policy.precedence,
    policyAudit: settings.policyAuditMode,
    traceEvents: settings.eventsTraceEnabled,
    dropEvents: settings.eventsDropEnabled,
    verdictEvents: settings.eventsPolicyVerdictEnabled,
    aggregation: MONITOR_AGGREGATION.indexOf(settings.monitorAggregation),
    socketTraces: settings.traceSockets,
    socketTraceIntervalNs: profile.observation.socketTracesAggregated ? settings.monitorAggregationInterval : 0,
    egressGateway: settings.enableEgressGateway,
    bandwidthManager: settings.enableBandwidthManager,
    encryption: settings.enableWireguard ? "wireguard" : settings.enableIpsec ? "ipsec" : "none",
    hostFirewall: settings.enableHostFirewall,
    pmtuDiscovery: settings.enablePmtuDiscovery,
  };
}

function conntrackConfig(settings: CiliumSettings, { conntrack }: SettledProfile, clockHz: number): ConntrackConfig {
  return {
    tcp: clockUnits(settings.ctTimeoutRegularTcp, clockHz),
    any: clockUnits(settings.ctTimeoutRegularAny, clockHz),
    serviceTcp: clockUnits(settings.ctTimeoutServiceTcp, clockHz),
    serviceAny: clockUnits(settings.ctTimeoutServiceAny, clockHz),
    syn: clockUnits(settings.ctTimeoutSyn, clockHz),
    close: clockUnits(settings.ctTimeoutFin, clockHz),
    serviceGrace: clockUnits(settings.ctTimeoutServiceTcpGrace, clockHz),
    reportInterval: clockUnits(settings.monitorAggregationInterval / NS_PER_S, clockHz),
    reportFlags: settings.monitorAggregationFlags,
    createAction: conntrack.createAction,
    fillUpSignal: conntrack.fillUpSignal,
  };
}

function natConfig(settings: CiliumSettings, { nat }: SettledProfile): NatConfig {
  return {
    portMin: settings.nodePortRange.last + 1,
    portMax: nat.portMax,
    clamp: nat.clamp,
    tries: nat.tries,
    signalAboveTryIndex: nat.signalAboveTryIndex,
    reverseInsert: nat.reverseInsert,
    forwardInsert: nat.forwardInsert,
    recreateOnStaleAddress: nat.recreateOnStaleAddress,
    restoreReverseOnForward: nat.restoreReverseOnForward,
    restoreForwardOnReply: nat.restoreForwardOnReply,
  };
}

function loadBalancerConfig(settings: CiliumSettings, { loadBalancer }: SettledProfile): LoadBalancerConfig {
  const seed = Buffer.from(settings.maglevHashSeed, "base64");
  return {
    ...DEFAULT_DATAPATH.loadBalancer,
    nodePort: settings.enableNodePort,
    mode: settings.lbMode,
    dsrDispatch: settings.dsrDispatch,
    algorithm: settings.lbAlgorithm,
    perServiceAlgorithm: settings.lbAlgorithmAnnotation && loadBalancer.perServiceAlgorithm,
    perServiceMode: settings.lbModeAnnotation && loadBalancer.perServiceMode,
    maglevTableSize: settings.maglevTableSize,
    maglevSeed4: seed.readUInt32BE(4),
    maglevSeed6: seed.readUInt32BE(8),
    socketLb: settings.socketLb,
    perPacketLb: !settings.socketLb || settings.socketLbHostNamespaceOnly || settings.enableSctp,
    xdp: settings.lbAcceleration !== "disabled",
    protocolDifferentiation: settings.lbProtoDiff,
    sessionAffinity: settings.enableSessionAffinity,
    sourceRanges: settings.enableSvcSourceRangeCheck,
    noBackendResponse: settings.serviceNoBackendResponse,
    externalClusterIp: settings.lbExternalClusterIp,
  };
}

function cidr(text: string): Cidr {
  const [address, prefix] = text.split("/") as [string, string];
  return { address: [ipv4(address)], prefix: Number(prefix) };
}
