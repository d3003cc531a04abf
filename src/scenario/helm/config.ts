/** `cilium-config` as the agent reads it: flags with text values, and where each came from. */

import type { Place } from "../source.js";

export interface ConfigValue {
  /** As it stands in the ConfigMap. */
  readonly text: string;
  readonly at: Place;
  /** How to name it to people: `bpf.ctTcpMax`, `extraConfig.bpf-nat-global-max`, `--bpf-nat-global-max`. */
  readonly name: string;
}

/** By flag, without dashes in front. */
export type CiliumConfig = ReadonlyMap<string, ConfigValue>;

/** Flags that were renamed: old name → the flag that took over with the same values. pkg/option/config.go, 1.6 to 1.19. */
export const RENAMED_FLAGS: Readonly<Record<string, string>> = {
  "ct-global-max-entries-tcp": "bpf-ct-global-tcp-max",
  "ct-global-max-entries-other": "bpf-ct-global-any-max",
  "conntrack-garbage-collector-interval": "conntrack-gc-interval",
  "hubble-flow-buffer-size": "hubble-event-buffer-capacity",
  "native-routing-cidr": "ipv4-native-routing-cidr",
  masquerade: "enable-ipv4-masquerade",
  "node-port-mode": "bpf-lb-mode",
  "node-port-algorithm": "bpf-lb-algorithm",
  "node-port-acceleration": "bpf-lb-acceleration",
  "enable-host-reachable-services": "bpf-lb-sock",
  "enable-egress-gateway": "enable-ipv4-egress-gateway",
};
