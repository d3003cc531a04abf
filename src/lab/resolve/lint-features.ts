/** Features that exclude each other, and settings that do nothing in the company of others. */

import { effectiveSettings } from "../../cilium/agent/settings.js";
import type { CiliumSettings } from "../../cilium/agent/settings.js";
import type { KernelProfile } from "../../cilium/profile/kernel.js";
import { warn } from "./lint-rule.js";
import type { LintCode, LintRule, LintSeverity } from "./lint-rule.js";

/** A combination that is wrong whenever `when` holds. Settings are effective ones. */
interface Combination {
  readonly code: LintCode;
  readonly severity: LintSeverity;
  readonly fields: readonly (keyof CiliumSettings)[];
  readonly title: string;
  readonly why: string;
  readonly when: (settings: CiliumSettings, kernel: KernelProfile) => boolean;
}

const excludes = (
  fields: readonly (keyof CiliumSettings)[],
  title: string,
  why: string,
  when: Combination["when"],
): Combination => ({ code: "features-exclude-each-other", severity: "error", fields, title, why, when });

const idle = (
  fields: readonly (keyof CiliumSettings)[],
  title: string,
  why: string,
  when: Combination["when"],
): Combination => ({ code: "setting-without-effect", severity: "warning", fields, title, why, when });

const dsr = (settings: CiliumSettings): boolean => settings.lbMode !== "snat";
const tunnelled = (settings: CiliumSettings): boolean => settings.routingMode === "tunnel";

/** Sources: daemon/cmd/kube_proxy_replacement.go, pkg/option/config.go (Validate), pkg/egressgateway, pkg/loadbalancer/config.go. */
const COMBINATIONS: readonly Combination[] = [
  excludes(
    ["lbMode", "routingMode"],
    "DSR with this dispatch needs native routing",
    "the IP option and IPIP are not carried through a tunnel; only geneve dispatch with a Geneve tunnel is",
    (settings) => dsr(settings) && tunnelled(settings) && settings.dsrDispatch !== "geneve",
  ),
  excludes(
    ["dsrDispatch", "tunnelProtocol"],
    "geneve dispatch needs the Geneve tunnel protocol",
    "the option travels in the Geneve header",
    (settings) => dsr(settings) && settings.dsrDispatch === "geneve" && settings.tunnelProtocol !== "geneve",
  ),
  excludes(
    ["lbMode", "lbModeAnnotation"],
    "hybrid mode excludes modes per service",
    "the annotation chooses between SNAT and DSR, hybrid by protocol",
    (settings) => settings.lbMode === "hybrid" && settings.lbModeAnnotation,
  ),
  excludes(
    ["lbAcceleration"],
    "XDP acceleration needs NodePort",
    "there is nothing to accelerate without it",
    (settings) => settings.lbAcceleration !== "disabled" && !settings.enableNodePort,
  ),
  excludes(
    ["enableBpfMasquerade", "kubeProxyReplacement"],
    "BPF masquerading needs NodePort",
    "masquerading is done by the NodePort programs",
    (settings) => settings.enableBpfMasquerade && !settings.enableNodePort,
  ),
  excludes(
    ["enableIpMasqAgent", "enableBpfMasquerade"],
    "the ip-masq-agent needs BPF masquerading",
    "its list is a BPF map",
    (settings) => settings.enableIpMasqAgent && !settings.enableBpfMasquerade,
  ),
  excludes(
    ["enableEgressGateway", "enableBpfMasquerade"],
    "the egress gateway needs BPF masquerading and kube-proxy replacement",
    "gateways translate in the NodePort programs",
    (settings) => settings.enableEgressGateway && !(settings.enableBpfMasquerade && settings.enableNodePort),
  ),
  excludes(
    ["installNoConntrackIptablesRules", "routingMode"],
    "skipping the kernel's conntrack needs native routing and kube-proxy replacement",
    "otherwise connections exist that only the kernel tracks",
    (settings) => settings.installNoConntrackIptablesRules && (tunnelled(settings) || !settings.kubeProxyReplacement),
  ),
  excludes(
    ["enableWireguard", "enableIpsec"],
    "one encryption at a time",
    "WireGuard and IPsec can't be on together",
    (settings) => settings.enableWireguard && settings.enableIpsec,
  ),
  excludes(
    ["datapathMode"],
    "netkit needs kernel 6.7",
    "the device type is missing in older kernels",
    (settings, kernel) => settings.datapathMode.startsWith("netkit") && !kernel.netkit,
  ),
  excludes(
    ["datapathMode", "enableHostLegacyRouting"],
    "netkit needs BPF host routing",
    "legacy routing sends packets through the host's stack",
    (settings) => settings.datapathMode.startsWith("netkit") && settings.enableHostLegacyRouting,
  ),
  excludes(
    ["hubbleEventBufferCapacity"],
    "Hubble's buffer holds 2^n - 1 events, 1 to 65535",
    "other capacities are refused",
    ({ hubbleEventBufferCapacity: capacity }) => capacity < 1 || capacity > 65_535 || (capacity & (capacity + 1)) !== 0,
  ),
  idle(
    ["lbMode", "kubeProxyReplacement"],
    "the load balancer's mode does nothing without NodePort",
    "pods reach services by translation at the source",
    (settings) => dsr(settings) && !settings.enableNodePort,
  ),
  idle(
    ["socketLbHostNamespaceOnly"],
    "host-only socket LB without socket LB",
    "socket LB is off altogether",
    (settings) => settings.socketLbHostNamespaceOnly && !settings.socketLb,
  ),
  idle(
    ["hubbleMetrics", "enableHubble"],
    "Hubble metrics without Hubble",
    "Hubble is off",
    (settings) => settings.hubbleMetrics.length > 0 && !settings.enableHubble,
  ),
  {
    code: "setting-without-effect",
    severity: "note",
    fields: ["enablePmtuDiscovery", "lbMode"],
    title: "DSR by IP option makes packets longer",
    why: "8 bytes are added; without PMTU discovery a full-sized packet is sent too large instead of being answered with an ICMP error",
    when: (settings) => dsr(settings) && settings.dsrDispatch === "opt" && settings.enableNodePort && !settings.enablePmtuDiscovery,
  },
];

const combinations: LintRule = ({ settings, profile, kernel }) => {
  const effective = effectiveSettings(settings, profile);
  return COMBINATIONS.filter(({ when }) => when(effective, kernel)).map(({ code, severity, fields, title, why }) =>
    warn(code, severity, fields, title, why),
  );
};

export const featureRules: readonly LintRule[] = [combinations];
