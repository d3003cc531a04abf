/** From what the agent was told to what holds: `initKubeProxyReplacementOptions` and those after it. */

import type { CiliumProfile } from "../profile/cilium-profile.js";
import { hostRoutingFallback } from "./host-routing.js";
import type { CiliumSettings } from "./settings.js";

/**
 * What the agent makes of its settings at start: full kube-proxy replacement switches its parts on, chaining and whatever
 * needs netfilter force the kernel's routing (host-routing.ts), policy maps keep to their bounds, sockets are traced only
 * where they are translated, and 1.14/1.15 count packets whatever they are told.
 * Source: `initKubeProxyReplacementOptions` and `finishKubeProxyReplacementInit` in `daemon/cmd/kube_proxy_replacement.go`.
 */
export function effectiveSettings(settings: CiliumSettings, profile: CiliumProfile): CiliumSettings {
  const replacing = settings.kubeProxyReplacement;
  return {
    ...settings,
    policyMapMax: Math.min(Math.max(settings.policyMapMax, profile.sizes.policyEntriesMin), profile.sizes.policyEntriesMax),
    socketLb: settings.socketLb || replacing,
    traceSockets: settings.traceSockets && (settings.socketLb || replacing),
    enableNodePort: settings.enableNodePort || replacing,
    enableHostPort: settings.enableHostPort || replacing,
    enableExternalIps: settings.enableExternalIps || replacing,
    enableSessionAffinity: settings.enableSessionAffinity || replacing,
    enableHostLegacyRouting: settings.enableHostLegacyRouting || settings.cniChainingMode !== "none" || hostRoutingFallback(settings) !== null,
    lbProtoDiff: settings.lbProtoDiff && profile.loadBalancer.protocolDifferentiation,
    ctAccounting:
      profile.conntrack.accounting === "always" ||
      (settings.ctAccounting && profile.conntrack.accounting === "flag-default-off"),
  };
}
