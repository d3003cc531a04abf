/**
 * What a scenario could reasonably ask for and no model covers. Naming it is refused at once, never ignored: a result
 * that silently left it out would be wrong.
 */

import type { Path } from "./tree.js";

/** Keys by their path, `[]` for any index, and what is not modelled. */
const UNSUPPORTED_KEYS: Readonly<Record<string, string>> = {
  faults: "faults (packet loss, CPU theft, restarts) are events of `timeline`",
  "timeline[].certificates": "certificates are not modelled; what their rotation does to Hubble Relay is `relay: { down: 20s }`",
  gc: "the collector's settings are Helm's: helm.set.conntrackGCInterval",
  "cluster.ipv6PodCIDR": "IPv6 addresses follow from IPv4's: fd00::/96 with podCIDR's in the low bits",
  "cluster.simulate": "exactly one node is simulated",
  "services[].affinity": "session affinity is not modelled under this name; write sessionAffinity: 3h",
  "services[].externalIPs": "external IPs are not modelled; type LoadBalancer has an address",
  "services[].externalTrafficPolicy": "traffic policies are not modelled",
  "services[].internalTrafficPolicy": "traffic policies are not modelled",
  "services[].weights": "weights of backends are not modelled",
  "policies[].rules": "rules above layer 4 stand at a peer: allow: [{ to: shop/cart, port: 80, l7: http }]",
  "policies[].l7": "rules above layer 4 stand at a peer: allow: [{ to: shop/cart, port: 80, l7: http }]",
  "policies[].deny[].l7": "denials don't reach above layer 4, in Cilium neither",
  "workloads[].retries": "retries of the application stand in `connection`",
  "workloads[].trace": "a recorded trace stands in `arrivals: { recorded: FILE }`",
  "client.finTimeout": "the client's FIN timeout is the kernel's",
  "client.localPortRange": "the client's port range is the kernel's",
  "client.twReuse": "reuse of ports in TIME_WAIT is the kernel's",
  "observe.alerts": "alerts are not evaluated",
  "observe.histograms": "which histograms are kept can't be chosen; `observe.hooks` adds hooks",
  "observe.perfetto": "Perfetto traces are not written",
};

/** Why a key that the schema does not know is not there; undefined when it is just unknown. */
export function unsupportedKey(path: Path): string | undefined {
  const pattern = path.reduce<string>(
    (text, step) => (typeof step === "number" ? `${text}[]` : text === "" ? step : `${text}.${step}`),
    "",
  );
  return Object.hasOwn(UNSUPPORTED_KEYS, pattern) ? UNSUPPORTED_KEYS[pattern] : undefined;
}
