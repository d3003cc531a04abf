/**
 * When the agent gives BPF host routing up, whatever `bpf.hostLegacyRouting` says, and lets the host's stack route pods'
 * packets. `finishKubeProxyReplacementInit` in daemon/cmd/kube_proxy_replacement.go (1.14 to 1.18) and
 * pkg/kpr/initializer (from 1.19): the same conditions in the same order. Up to 1.18 an agent without NodePort and WireGuard
 * comes to it by another way, `disableNodePort`, with the same end.
 */

import type { CiliumSettings } from "./settings.js";

/** The settings that stand in the way. */
interface Fallback {
  /** The agent's words, without what follows them in each case. */
  readonly message: string;
  readonly fields: readonly (keyof CiliumSettings)[];
}

/** Why these settings, effective or not, end in legacy host routing although nobody asked for it; null when they don't. */
export function hostRoutingFallback(settings: CiliumSettings): Fallback | null {
  if (settings.enableHostLegacyRouting || settings.cniChainingMode !== "none") return null;
  if (settings.enableIpsec) return { message: "BPF host routing is incompatible with enable-ipsec.", fields: ["enableIpsec"] };
  if (masqueradesByIptables(settings)) {
    return { message: "BPF host routing requires enable-bpf-masquerade.", fields: ["enableBpfMasquerade", "enableIpv4Masquerade"] };
  }
  if (!settings.kubeProxyReplacement) return { message: "BPF host routing requires kube-proxy-replacement=true.", fields: ["kubeProxyReplacement"] };
  return null;
}

/** `IptablesMasqueradingEnabled`; a family that is off is not masqueraded. */
function masqueradesByIptables({ enableBpfMasquerade, enableIpv4, enableIpv4Masquerade, enableIpv6, enableIpv6Masquerade }: CiliumSettings): boolean {
  return !enableBpfMasquerade && ((enableIpv4 && enableIpv4Masquerade) || (enableIpv6 && enableIpv6Masquerade));
}

/** Which programs are compiled without FIB lookups. */
interface SkippedFib {
  /** bpf_lxc. */
  readonly lxc: boolean;
  /** bpf_host. */
  readonly host: boolean;
}

/**
 * ENABLE_SKIP_FIB (`writeTemplateConfig` in pkg/datapath/linux/config, 1.14 to 1.19): with BPF host routing and a single device,
 * except that endpoint routes make pods' programs ask the FIB (`EnforceLXCFibLookup`, pull request 28264). A node has one native
 * device here; cilium_wg0 is a second one, up to 1.17 only where it has programs, which is not told apart. Pull request 43277 of
 * December 2025 removes the macro: for 1.20, as far as dates tell. `settings` are effective.
 */
export function skippedFib({ enableHostLegacyRouting, enableWireguard, enableEndpointRoutes }: CiliumSettings): SkippedFib {
  const host = !enableHostLegacyRouting && !enableWireguard;
  return { host, lxc: host && !enableEndpointRoutes };
}
