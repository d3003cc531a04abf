/** What the datapath does not model, in the words of the settings that ask for it. A scenario that names one is refused. */

import type { DatapathConfig } from "./config.js";

/** A setting that asks for something that is not modelled. */
export interface UnsupportedFeature {
  /** Helm key, or agent flag where no key exists. */
  readonly setting: string;
  readonly value: string;
  readonly reason: string;
}

/** Everything in a configuration that would be simulated as if it were off. Empty = all is modelled. */
export function unsupportedFeatures(config: DatapathConfig): readonly UnsupportedFeature[] {
  const { loadBalancer, node } = config;
  const found: UnsupportedFeature[] = [];
  const refuse = (setting: string, value: string, reason: string): void => void found.push({ setting, value, reason });
  if (loadBalancer.dsrDispatch === "ipip" && loadBalancer.mode !== "snat") {
    refuse("loadBalancer.dsrDispatch", "ipip", "IPIP encapsulation of DSR requests is not modelled");
  }
  if (loadBalancer.dsrDispatch === "geneve" && loadBalancer.mode !== "snat" && loadBalancer.xdp) {
    refuse("loadBalancer.acceleration", "native", "DSR by Geneve is modelled in TC only");
  }
  if (config.egressGateway && node.address6 !== null && node.address4 === null) {
    refuse("egressGateway.enabled", "true", "egress gateway is modelled for IPv4 only");
  }
  if (config.encryption !== "none" && config.tunnel) {
    refuse("encryption.enabled", "true", "encryption is modelled with native routing only");
  }
  if (config.encryption !== "none" && node.address4 === null) {
    refuse("encryption.enabled", "true", "encryption is modelled for IPv4 only");
  }
  return found;
}

/** Parts of the datapath that rest on reading alone: no recorded run covers them. Named in reports that depend on them. */
export function assumedFeatures(config: DatapathConfig): readonly string[] {
  const { loadBalancer } = config;
  const assumed: string[] = [];
  if (config.hostFirewall) assumed.push("host firewall: entries and map operations");
  if (config.encryption !== "none") assumed.push(`encryption (${config.encryption}): which packets, and what it adds to them`);
  if (config.egressGateway) assumed.push("egress gateway: redirects and map operations");
  if (config.bandwidthManager) assumed.push("bandwidth manager: departure times");
  if (loadBalancer.mode !== "snat" && loadBalancer.dsrDispatch === "geneve") assumed.push("DSR by Geneve");
  if (loadBalancer.socketLb) assumed.push("socket load balancing: from the source, without a recorded run");
  if (!config.hostRouting) assumed.push("legacy host routing: the stack's part of the way");
  if (config.node.address6 !== null) assumed.push("IPv6: taken to be as IPv4");
  return assumed;
}
