/** Features that exclude each other, and settings that do nothing in the company of others. */

import { effectiveSettings } from "../cilium/agent/effective-settings.js";
import { hostRoutingFallback } from "../cilium/agent/host-routing.js";
import type { CiliumSettings } from "../cilium/agent/settings.js";
import type { KernelProfile } from "../cilium/profile/kernel.js";
import { warn } from "./lint-rule.js";
import type { LintCode, LintRule, LintSeverity } from "./lint-rule.js";

/** What a combination depends on. Settings are effective ones. */
interface Situation {
  readonly settings: CiliumSettings;
  /** 17 of 1.17. */
  readonly minor: number;
  readonly kernel: KernelProfile;
}

/** A combination that is wrong whenever `when` holds. */
interface Combination {
  readonly code: LintCode;
  readonly severity: LintSeverity;
  readonly fields: readonly (keyof CiliumSettings)[];
  readonly title: string;
  readonly why: string;
  readonly when: (situation: Situation) => boolean;
  /** With which the agent gives up, without a final stop; null when it starts. */
  readonly agentSays: (settings: CiliumSettings) => string | null;
}

type Says = string | ((settings: CiliumSettings) => string);

/** The agent does not start. */
const excludes = (fields: Combination["fields"], title: string, why: string, says: Says, when: Combination["when"]): Combination => ({
  ...{ code: "features-exclude-each-other", severity: "error", fields, title, why, when },
  agentSays: typeof says === "string" ? () => says : says,
});

/** Something that somebody asked for is not there. */
const idle = (severity: LintSeverity, fields: Combination["fields"], title: string, why: string, when: Combination["when"]): Combination => ({
  ...{ code: "setting-without-effect", severity, fields, title, why, when },
  agentSays: () => null,
});

const dsr = ({ lbMode, enableNodePort }: CiliumSettings): boolean => enableNodePort && lbMode !== "snat";
const tunnelled = ({ routingMode }: CiliumSettings): boolean => routingMode === "tunnel";
const skipsConntrack = ({ installNoConntrackIptablesRules }: CiliumSettings): boolean => installNoConntrackIptablesRules;
const translatesInBpf = ({ enableIpv4Masquerade, enableBpfMasquerade }: CiliumSettings): boolean => enableIpv4Masquerade && enableBpfMasquerade;
const BOTH_MASQUERADES = '--enable-ipv4-masquerade="true" and --enable-bpf-masquerade="true"';
/** IPAM modes in which the network knows the pods' addresses. `checkIPv4NativeRoutingCIDR`. */
const OWN_NETWORK = ["eni", "alibabacloud"];
/** Last minor whose check of IPIP dispatch was read. */
const IPIP_NEEDS_XDP_UNTIL = 18;
/** Last minor in which BPF masquerading through a tunnel needed socket LB. `daemon/cmd/daemon.go` */
const MASQUERADE_NEEDS_SOCKET_LB_UNTIL = 15;

/**
 * Sources: `daemon/cmd/kube_proxy_replacement.go`, `daemon/cmd/daemon.go`, `daemon/cmd/daemon_main.go`,
 * `pkg/option/config.go` (Validate), `pkg/egressgateway`.
 */
const COMBINATIONS: readonly Combination[] = [
  excludes(
    ["lbMode", "routingMode"],
    "DSR with this dispatch needs native routing",
    "the IP option and IPIP are not carried through a tunnel; only geneve dispatch with a Geneve tunnel is",
    ({ lbMode, tunnelProtocol }) =>
      tunnelProtocol === "vxlan"
        ? `Node Port "${lbMode}" mode cannot be used with vxlan tunneling`
        : `Tunnel routing with Node Port "${lbMode}" mode requires geneve dispatch`,
    ({ settings }) => dsr(settings) && tunnelled(settings) && settings.dsrDispatch !== "geneve",
  ),
  excludes(
    ["dsrDispatch", "tunnelProtocol"],
    "geneve dispatch needs the Geneve tunnel protocol",
    "the option travels in the Geneve header",
    ({ lbMode }) => `Node Port "${lbMode}" mode with geneve dispatch requires geneve tunnel protocol`,
    ({ settings }) => dsr(settings) && settings.dsrDispatch === "geneve" && settings.tunnelProtocol !== "geneve",
  ),
  excludes(
    ["dsrDispatch", "lbAcceleration"],
    "IPIP dispatch needs XDP acceleration",
    "only the XDP program encapsulates",
    "DSR dispatch mode ipip currently only available under XDP acceleration",
    ({ settings, minor }) => minor <= IPIP_NEEDS_XDP_UNTIL && dsr(settings) && settings.dsrDispatch === "ipip" && settings.lbAcceleration === "disabled",
  ),
  excludes(
    ["lbMode", "lbModeAnnotation"],
    "hybrid mode excludes modes per service",
    "the annotation chooses between SNAT and DSR, hybrid by protocol",
    "The value --bpf-lb-mode=hybrid is not supported as default under annotation mode",
    ({ settings }) => settings.enableNodePort && settings.lbMode === "hybrid" && settings.lbModeAnnotation,
  ),
  excludes(
    ["enableBpfMasquerade", "kubeProxyReplacement"],
    "BPF masquerading needs NodePort",
    "masquerading is done by the NodePort programs",
    'unable to initialize BPF masquerade support: BPF masquerade requires NodePort (--enable-node-port="true")',
    ({ settings }) => translatesInBpf(settings) && !settings.enableNodePort,
  ),
  excludes(
    ["enableBpfMasquerade", "socketLb", "routingMode"],
    "BPF masquerading through a tunnel needs socket LB",
    "in releases before 1.16",
    'unable to initialize BPF masquerade support: BPF masquerade requires socket-LB (--bpf-lb-sock="false")',
    ({ settings, minor }) =>
      minor <= MASQUERADE_NEEDS_SOCKET_LB_UNTIL && translatesInBpf(settings) && settings.enableNodePort && tunnelled(settings) && !settings.socketLb,
  ),
  excludes(
    ["enableIpMasqAgent", "enableIpv4Masquerade", "enableBpfMasquerade"],
    "the ip-masq-agent needs BPF masquerading",
    "its list is a BPF map",
    `BPF ip-masq-agent requires ${BOTH_MASQUERADES}`,
    ({ settings }) => settings.enableIpMasqAgent && !translatesInBpf(settings),
  ),
  excludes(
    ["enableEgressGateway", "enableIpv4Masquerade", "enableBpfMasquerade"],
    "the egress gateway needs BPF masquerading",
    "gateways translate in the NodePort programs",
    `egress gateway requires ${BOTH_MASQUERADES}`,
    ({ settings }) => settings.enableEgressGateway && !translatesInBpf(settings),
  ),
  excludes(
    ["ipv4NativeRoutingCidr", "routingMode"],
    "native routing with masquerading needs ipv4NativeRoutingCIDR",
    "it says which addresses are reached without masquerading; from 1.18 on the chart asks for it as well",
    ({ ipam }) =>
      "native routing cidr must be configured with option --ipv4-native-routing-cidr in combination with --enable-ipv4=true " +
      `--enable-ipv4-masquerade=true --enable-ip-masq-agent=false --routing-mode=native --ipam=${ipam}`,
    ({ settings: { ipv4NativeRoutingCidr, enableIpv4, enableIpv4Masquerade, enableIpMasqAgent, routingMode, ipam } }) =>
      ipv4NativeRoutingCidr === null && enableIpv4 && enableIpv4Masquerade && !enableIpMasqAgent && routingMode === "native" && !OWN_NETWORK.includes(ipam),
  ),
  excludes(
    ["autoDirectNodeRoutes", "routingMode"],
    "direct node routes exclude a tunnel",
    "packets to other nodes' pods go through the tunnel device",
    "auto-direct-node-routes cannot be used with tunneling. Packets must be routed through the tunnel device",
    ({ settings }) => settings.autoDirectNodeRoutes && tunnelled(settings),
  ),
  excludes(
    ["installNoConntrackIptablesRules", "routingMode"],
    "skipping the kernel's conntrack needs native routing",
    "a tunnel's packets skip it anyway",
    "install-no-conntrack-iptables-rules requires the agent to run in direct routing mode",
    ({ settings }) => skipsConntrack(settings) && tunnelled(settings),
  ),
  excludes(
    ["installNoConntrackIptablesRules", "kubeProxyReplacement"],
    "skipping the kernel's conntrack needs kube-proxy replacement",
    "kube-proxy's translation needs the kernel's conntrack",
    "install-no-conntrack-iptables-rules requires the agent to run with kube-proxy-replacement=true",
    ({ settings }) => skipsConntrack(settings) && !settings.kubeProxyReplacement,
  ),
  excludes(
    ["installNoConntrackIptablesRules", "enableBpfMasquerade"],
    "skipping the kernel's conntrack needs BPF masquerading",
    "the kernel's masquerading needs its conntrack",
    "install-no-conntrack-iptables-rules requires the agent to run with enable-bpf-masquerade",
    ({ settings }) => skipsConntrack(settings) && settings.enableIpv4Masquerade && !settings.enableBpfMasquerade,
  ),
  excludes(
    ["enableWireguard", "enableIpsec"],
    "one encryption at a time",
    "WireGuard and IPsec can't be on together",
    "WireGuard (--enable-wireguard) cannot be used with IPsec (--enable-ipsec)",
    ({ settings }) => settings.enableWireguard && settings.enableIpsec,
  ),
  excludes(
    ["datapathMode"],
    "netkit needs kernel 6.7",
    "the device type is missing in older kernels",
    "netkit devices need kernel 6.7.0 or newer and CONFIG_NETKIT",
    ({ settings, kernel }) => settings.datapathMode.startsWith("netkit") && !kernel.netkit,
  ),
  idle(
    "error",
    ["datapathMode", "enableHostLegacyRouting"],
    "netkit needs BPF host routing",
    "legacy routing sends packets through the host's stack",
    ({ settings }) => settings.datapathMode.startsWith("netkit") && settings.enableHostLegacyRouting,
  ),
  idle(
    "error",
    ["hubbleEventBufferCapacity"],
    "Hubble does not start: its buffer holds 2^n - 1 events, 1 to 65535",
    "the agent goes on without Hubble when the capacity is another",
    ({ settings: { enableHubble, hubbleEventBufferCapacity: capacity } }) =>
      enableHubble && (capacity < 1 || capacity > 65_535 || (capacity & (capacity + 1)) !== 0),
  ),
  idle(
    "warning",
    ["lbAcceleration", "kubeProxyReplacement"],
    "XDP acceleration does nothing without NodePort",
    "the XDP program serves NodePort and load balancer addresses only",
    ({ settings }) => settings.lbAcceleration !== "disabled" && !settings.enableNodePort,
  ),
  idle(
    "warning",
    ["lbMode", "kubeProxyReplacement"],
    "the load balancer's mode does nothing without NodePort",
    "pods reach services by translation at the source",
    ({ settings }) => settings.lbMode !== "snat" && !settings.enableNodePort,
  ),
  idle(
    "warning",
    ["enableBpfMasquerade", "enableIpv4Masquerade"],
    "BPF masquerading without masquerading",
    "enableIPv4Masquerade is off, and BPF masquerading with it",
    ({ settings }) => settings.enableBpfMasquerade && !settings.enableIpv4Masquerade && settings.enableIpv4 && !settings.enableIpv6,
  ),
  idle(
    "warning",
    ["socketLbHostNamespaceOnly"],
    "host-only socket LB without socket LB",
    "socket LB is off altogether",
    ({ settings }) => settings.socketLbHostNamespaceOnly && !settings.socketLb,
  ),
  idle(
    "warning",
    ["hubbleMetrics", "enableHubble"],
    "Hubble metrics without Hubble",
    "Hubble is off",
    ({ settings }) => settings.hubbleMetrics.length > 0 && !settings.enableHubble,
  ),
  idle(
    "note",
    ["enablePmtuDiscovery", "lbMode"],
    "DSR by IP option makes packets longer",
    "8 bytes are added; without PMTU discovery a full-sized packet is sent too large instead of being answered with an ICMP error",
    ({ settings }) => dsr(settings) && settings.dsrDispatch === "opt" && !settings.enablePmtuDiscovery,
  ),
];

const combinations: LintRule = ({ settings, profile, kernel }) => {
  const effective = effectiveSettings(settings, profile);
  const situation = { settings: effective, minor: Number(profile.minor.split(".")[1]), kernel };
  return COMBINATIONS.filter(({ when }) => when(situation)).map(({ code, severity, fields, title, why, agentSays }) =>
    warn(code, severity, fields, title, why, agentSays(effective)),
  );
};

/** A replaced kube-proxy is mostly there for its shorter way through the host; without the rest it is not taken. */
const hostRouting: LintRule = ({ settings }) => {
  const fallback = settings.kubeProxyReplacement ? hostRoutingFallback(settings) : null;
  if (fallback === null) return [];
  const why = `the agent says: ${fallback.message} Falling back to legacy host routing (enable-host-legacy-routing=true)`;
  return [warn("setting-without-effect", "note", [...fallback.fields, "enableHostLegacyRouting"], "pods' packets pass the host's stack", why, null)];
};

export const featureRules: readonly LintRule[] = [combinations, hostRouting];
