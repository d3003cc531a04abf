/**
 * What the programs are compiled with: node addresses, timeouts, features and the behaviour of the simulated release.
 *
 * Stands for node_config.h, the per-device constants and the `ENABLE_*` macros. One object per node, fixed while the
 * programs are loaded; the agent changes maps, not this.
 */

import { ipv4 } from "../maps/address.js";

/** Conntrack times in units of the datapath clock (whole seconds, or jiffies >> 8 with the clock probe). */
export interface ConntrackConfig {
  /** CT_CONNECTION_LIFETIME_TCP and so on; defaults in `DEFAULT_CONNTRACK`. */
  readonly tcp: number;
  readonly any: number;
  readonly serviceTcp: number;
  readonly serviceAny: number;
  readonly syn: number;
  readonly close: number;
  /** CT_SERVICE_CLOSE_REBALANCE. */
  readonly serviceGrace: number;
  readonly reportInterval: number;
  /** TCP flags whose first sight is reported, a mask. */
  readonly reportFlags: number;
  /** Which packets open a connection: SYN, or (v1.16.12, v1.17.6, v1.18 on) SYN without ACK. */
  readonly createAction: "syn" | "syn-without-ack";
  /** Which failed creates signal `ct_fill_up`. */
  readonly fillUpSignal: "any-error" | "enomem-only" | "none";
}

/** Defaults of v1.15 to v1.19 with the chart's monitor flags. Sources: pkg/option/config.go, chart value bpf.monitorFlags. */
export const DEFAULT_CONNTRACK: ConntrackConfig = {
  tcp: 8000,
  any: 60,
  serviceTcp: 8000,
  serviceAny: 60,
  syn: 60,
  close: 10,
  serviceGrace: 60,
  reportInterval: 5,
  reportFlags: 0xff,
  createAction: "syn",
  fillUpSignal: "any-error",
};

/** SNAT by release; defaults in `DEFAULT_NAT` are those of v1.17. */
export interface NatConfig {
  /** NODEPORT_PORT_MIN_NAT … NODEPORT_PORT_MAX_NAT. */
  readonly portMin: number;
  readonly portMax: number;
  /** How a 16-bit number becomes a port of the range. */
  readonly clamp: "modulo" | "scale";
  readonly tries: number;
  readonly signalAboveTryIndex: number;
  readonly reverseInsert: "lookup-then-insert-per-try" | "lookup-per-try-insert-once" | "insert-per-try";
  readonly forwardInsert: "must-not-exist" | "overwrite";
  readonly recreateOnStaleAddress: boolean;
  readonly restoreReverseOnForward: boolean;
  readonly restoreForwardOnReply: boolean;
  /** v1.19: the conntrack entry of a DSR connection holds the service's address too, and is asked before the NAT map. */
  readonly dsrInfoInConntrack?: boolean;
}

export const DEFAULT_NAT: NatConfig = {
  portMin: 32768,
  portMax: 65535,
  clamp: "scale",
  tries: 128,
  signalAboveTryIndex: 64,
  reverseInsert: "insert-per-try",
  forwardInsert: "must-not-exist",
  recreateOnStaleAddress: true,
  restoreReverseOnForward: true,
  restoreForwardOnReply: false,
};

/** Load balancing. */
export interface LoadBalancerConfig {
  /** Kube-proxy replacement: NodePort code in the network programs. */
  readonly nodePort: boolean;
  /** How requests reach remote backends; hybrid: DSR for TCP, SNAT for the rest. */
  readonly mode: "snat" | "dsr" | "hybrid";
  readonly dsrDispatch: "opt" | "ipip" | "geneve";
  readonly algorithm: "random" | "maglev";
  /** A service may name its own algorithm, and its own mode (v1.17 on). */
  readonly perServiceAlgorithm: boolean;
  readonly perServiceMode: boolean;
  /** Length of a Maglev table. */
  readonly maglevTableSize: number;
  /** Seed of the hash, bytes 4 to 7 of `bpf-lb-maglev-hash-seed`, big-endian. */
  readonly maglevSeed4: number;
  /** Seed for IPv6, bytes 8 to 11. */
  readonly maglevSeed6: number;
  /** connect() and sendmsg() translate in the socket layer. */
  readonly socketLb: boolean;
  /** Translation in bpf_lxc for each packet. */
  readonly perPacketLb: boolean;
  /** NodePort handling in bpf_xdp on the native device. */
  readonly xdp: boolean;
  /** Frontends are told apart by protocol (v1.17 on): a miss costs a second lookup. */
  readonly protocolDifferentiation: boolean;
  readonly sessionAffinity: boolean;
  readonly sourceRanges: boolean;
  /** A service without backends answers with an ICMP error (`reject`) or drops. */
  readonly noBackendResponse: "reject" | "drop";
  readonly externalClusterIp: boolean;
}

/** First words of the decoded default seed `JLfvgnHc2kaSUFaI`. */
const DEFAULT_SEED4 = 0x71dcda46;
const DEFAULT_SEED6 = 0x92505688;
const DEFAULT_MAGLEV_TABLE = 16381;

export const DEFAULT_LOAD_BALANCER: LoadBalancerConfig = {
  nodePort: true,
  mode: "snat",
  dsrDispatch: "opt",
  algorithm: "random",
  perServiceAlgorithm: false,
  perServiceMode: false,
  maglevTableSize: DEFAULT_MAGLEV_TABLE,
  maglevSeed4: DEFAULT_SEED4,
  maglevSeed6: DEFAULT_SEED6,
  socketLb: true,
  perPacketLb: false,
  xdp: false,
  protocolDifferentiation: true,
  sessionAffinity: true,
  sourceRanges: true,
  noBackendResponse: "reject",
  externalClusterIp: false,
};

/** An address prefix; the address as words in network order. */
export interface Cidr {
  readonly address: readonly number[];
  readonly prefix: number;
}

/** The node's devices and addresses. An address is null where the family is off. */
export interface NodeConfig {
  readonly nativeIfindex: number;
  readonly hostIfindex: number;
  readonly tunnelIfindex: number;
  /** Direct-routing, masquerade and NodePort address: one word, or null. */
  readonly address4: readonly number[] | null;
  readonly address6: readonly number[] | null;
  /** Address of `cilium_host`. */
  readonly router4: readonly number[] | null;
  readonly router6: readonly number[] | null;
  /** Source of hairpin traffic, 169.254.42.1. */
  readonly loopback4: readonly number[];
  readonly loopback6: readonly number[];
  /** Not masqueraded. */
  readonly nativeRoutingCidr4: Cidr | null;
  readonly nativeRoutingCidr6: Cidr | null;
  /** Endpoint id in events of the host's programs. */
  readonly hostEndpointId: number;
  /** ENABLE_SKIP_FIB in bpf_lxc and in bpf_host: with one device, routes are left to bpf_redirect_neigh. */
  readonly lxcSkipsFib: boolean;
  readonly hostSkipsFib: boolean;
  readonly tunnelPort: number;
}

/** `bpf_sec_to_mono`: seconds in units of the datapath's clock. */
export function clockUnits(seconds: number, clockHz: number): number {
  return clockHz === 0 ? seconds : Math.floor((seconds * clockHz) / JIFFIES_PER_UNIT);
}

/** Which policy map entry wins. */
export type PolicyPrecedence = "wildcard-flags" | "deny-prefix" | "deny-priority-prefix";

/** Everything the programs are built with. */
export interface DatapathConfig {
  /** The clock's ticks: 0 = whole seconds, else the kernel's HZ, of whose jiffies it counts every 256th (clock probe). */
  readonly clockHz: number;
  readonly node: NodeConfig;
  readonly conntrack: ConntrackConfig;
  readonly nat: NatConfig;
  readonly loadBalancer: LoadBalancerConfig;
  /** First NodePort; the last one is the port below the NAT range. */
  readonly nodePortMin: number;
  /** Tunnel mode instead of native routing. */
  readonly tunnel: boolean;
  readonly bpfMasquerade4: boolean;
  readonly bpfMasquerade6: boolean;
  readonly ipMasqAgent: boolean;
  /** BPF host routing; else packets that leave a pod go through the node's stack. */
  readonly hostRouting: boolean;
  /** Per-endpoint routes: pods are reached through `to-container` (with legacy routing). */
  readonly endpointRoutes: boolean;
  readonly fragmentTracking: boolean;
  readonly sctp: boolean;
  readonly icmpRules: boolean;
  readonly allowIcmpFragNeeded: boolean;
  readonly sourceAddressVerification: boolean;
  readonly policyPrecedence: PolicyPrecedence;
  readonly policyAudit: boolean;
  readonly traceEvents: boolean;
  readonly dropEvents: boolean;
  readonly verdictEvents: boolean;
  /** 0 none … 4 maximum. */
  readonly aggregation: number;
  /** TRACE_SOCK_NOTIFY: translations of sockets are reported. */
  readonly socketTraces: boolean;
  /** One report of a socket on the node in so long where aggregation is on, ns (CT_REPORT_INTERVAL); 0: sockets know no aggregation. */
  readonly socketTraceIntervalNs: number;
  readonly dualStackWorldIdentities: boolean;
  readonly bandwidthManager: boolean;
  readonly egressGateway: boolean;
  readonly encryption: "none" | "wireguard" | "ipsec";
  readonly hostFirewall: boolean;
  readonly pmtuDiscovery: boolean;
  /** Largest packet of the native device, bytes. */
  readonly mtu: number;
}

/** Aggregation levels of `monitor-aggregation`. */
export const AGGREGATION = { none: 0, lowest: 1, low: 2, medium: 3, maximum: 4 } as const;

/** The probed clock is jiffies >> 8. */
const JIFFIES_PER_UNIT = 256;
const NATIVE_IFINDEX = 2;
const HOST_IFINDEX = 3;
const TUNNEL_IFINDEX = 4;
const VXLAN_PORT = 8472;
/** Kubernetes' --service-node-port-range begins here. */
const NODEPORT_MIN = 30000;
const ETHERNET_MTU = 1500;
/** 169.254.42.1, pkg/option `--ipv4-service-loopback-address`. */
const LOOPBACK4 = ipv4("169.254.42.1");

/** A v1.17 IPv4 node with kube-proxy replacement, native routing, BPF host routing and BPF masquerading. */
export const DEFAULT_DATAPATH: DatapathConfig = {
  clockHz: 0,
  node: {
    nativeIfindex: NATIVE_IFINDEX,
    hostIfindex: HOST_IFINDEX,
    tunnelIfindex: TUNNEL_IFINDEX,
    address4: [ipv4("192.168.10.1")],
    address6: null,
    router4: [ipv4("10.1.0.1")],
    router6: null,
    loopback4: [LOOPBACK4],
    loopback6: [0, 0, 0, 0],
    nativeRoutingCidr4: { address: [ipv4("10.0.0.0")], prefix: 8 },
    nativeRoutingCidr6: null,
    hostEndpointId: 1,
    lxcSkipsFib: false,
    hostSkipsFib: false,
    tunnelPort: VXLAN_PORT,
  },
  conntrack: DEFAULT_CONNTRACK,
  nat: DEFAULT_NAT,
  loadBalancer: DEFAULT_LOAD_BALANCER,
  nodePortMin: NODEPORT_MIN,
  tunnel: false,
  bpfMasquerade4: true,
  bpfMasquerade6: false,
  ipMasqAgent: false,
  hostRouting: true,
  endpointRoutes: false,
  fragmentTracking: true,
  sctp: false,
  icmpRules: true,
  allowIcmpFragNeeded: true,
  sourceAddressVerification: true,
  policyPrecedence: "deny-priority-prefix",
  policyAudit: false,
  traceEvents: true,
  dropEvents: true,
  verdictEvents: true,
  aggregation: AGGREGATION.medium,
  socketTraces: true,
  socketTraceIntervalNs: 0,
  dualStackWorldIdentities: false,
  bandwidthManager: false,
  egressGateway: false,
  encryption: "none",
  hostFirewall: false,
  pmtuDiscovery: false,
  mtu: ETHERNET_MTU,
};
