/** Warnings about port ranges: NodePort, SNAT, ephemeral ports of the node, tunnels. */

import { effectiveSettings } from "../cilium/agent/effective-settings.js";
import type { CiliumSettings, PortRange } from "../cilium/agent/settings.js";
import { refuse, warn } from "./lint-rule.js";
import type { LintRule, LintWarning } from "./lint-rule.js";

/** UDP port of Cilium's WireGuard device. pkg/wireguard/types */
const WIREGUARD_PORT = 51_871;
const PORT_HIGHEST = 65_535;
/** Ports of the default range for SNAT, 32768 to 65535; half of it is few. */
const SNAT_PORTS_FEW = 16_384;
/** Default ports of the tunnel protocols. */
const TUNNEL_PORTS = { vxlan: 8472, geneve: 6081 } as const;

const inside = (port: number, range: PortRange): boolean => port >= range.first && port <= range.last;
const text = (range: PortRange): string => `${range.first}–${range.last}`;

const nodePortRange: LintRule = ({ settings }) => {
  const { first, last } = settings.nodePortRange;
  if (first < last && first > 0 && last <= PORT_HIGHEST) return [];
  const why = `${first},${last}: the lower end must be below the higher one, both within 1–${PORT_HIGHEST}`;
  return [warn("port-range-invalid", "error", ["nodePortRange"], "the NodePort range can't be used", why)];
};

/** What `checkNodePortAndEphemeralPortRanges` of the agent does, with the kernel's default range. */
function ephemeralPorts(settings: CiliumSettings, nodePorts: PortRange, ephemeral: PortRange): readonly LintWarning[] {
  if (nodePorts.last < ephemeral.first) return [];
  const [ours, theirs] = [nodePorts, ephemeral].map(({ first, last }) => `${first}-${last}`);
  if (nodePorts.first > ephemeral.last) {
    return [refuse("agent-refuses", ["nodePortRange"], `NodePort port range (${ours}) is not allowed to be after ephemeral port range (${theirs})`)];
  }
  if (!settings.autoProtectNodePortRange) {
    const message = `NodePort port range (${ours}) must not clash with ephemeral port range (${theirs})`;
    return [refuse("agent-refuses", ["nodePortRange", "autoProtectNodePortRange"], message)];
  }
  const shared = Math.min(nodePorts.last, ephemeral.last) - Math.max(nodePorts.first, ephemeral.first) + 1;
  const all = ephemeral.last - ephemeral.first + 1;
  const why = `NodePort ${text(nodePorts)} reaches into the node's ephemeral ports ${text(ephemeral)} (ip_local_port_range default): the agent reserves them (ip_local_reserved_ports), which leaves ${all - shared} of ${all} ports to the node's own connections; those that are open on them when it starts stay`;
  return [warn("port-ranges-overlap", "warning", ["nodePortRange"], "NodePort overlaps the ephemeral ports", why)];
}

const overlaps: LintRule = ({ settings, profile, kernel }) => {
  const effective = effectiveSettings(settings, profile);
  const nodePorts = settings.nodePortRange;
  const ephemeral = { first: kernel.localPortFirst, last: kernel.localPortLast };
  const snat = { first: nodePorts.last + 1, last: PORT_HIGHEST };
  const found = effective.enableNodePort ? [...ephemeralPorts(settings, nodePorts, ephemeral)] : [];
  const tunnel = settings.tunnelPort ?? TUNNEL_PORTS[settings.tunnelProtocol];
  const translates = effective.enableNodePort || settings.enableBpfMasquerade;
  if (settings.routingMode === "tunnel" && (inside(tunnel, nodePorts) || (translates && inside(tunnel, snat)))) {
    const where = inside(tunnel, nodePorts) ? `NodePort ${text(nodePorts)}` : `the SNAT range ${text(snat)}`;
    found.push(warn("port-ranges-overlap", "warning", ["tunnelPort", "nodePortRange"], "the tunnel's port is not its own", `${tunnel}/UDP lies in ${where}`));
  }
  if (settings.enableWireguard && translates && inside(WIREGUARD_PORT, snat)) {
    const why = `${WIREGUARD_PORT}/UDP lies in the SNAT range ${text(snat)}: a masqueraded UDP flow can be given that port`;
    found.push(warn("port-ranges-overlap", "note", ["nodePortRange"], "WireGuard's port lies in the SNAT range", why));
  }
  return found;
};

const snatPorts: LintRule = ({ settings, profile }) => {
  const effective = effectiveSettings(settings, profile);
  if (!effective.enableNodePort && !settings.enableBpfMasquerade) return [];
  const ports = PORT_HIGHEST - settings.nodePortRange.last;
  if (ports >= SNAT_PORTS_FEW) return [];
  const why = `SNAT takes ports above the NodePort range: ${ports} are left for each pair of node address and remote address and port (32768 with the default range)`;
  return [warn("few-snat-ports", ports <= 0 ? "error" : "warning", ["nodePortRange"], "few ports are left for SNAT", why)];
};

export const portRules: readonly LintRule[] = [nodePortRange, overlaps, snatPorts];
