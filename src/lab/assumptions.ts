/** What a run rests on that is neither exact nor measured: said beside every verdict. */
import { effectiveSettings } from "../cilium/agent/effective-settings.js";
import { assumedFeatures } from "../cilium/datapath/support.js";
import { formatCount } from "../core/units.js";
import type { BuiltNode } from "../node/build.js";
import { datapathConfig } from "../node/datapath-config.js";
import { DNS_ANSWER_NS, DNS_QUESTION_NS } from "../node/workloads/dns-proxy.js";
import { PROXY_ANSWER_NS, PROXY_REQUEST_NS } from "../node/workloads/l7-proxy.js";
import { placeholders } from "../node/workloads/spoken.js";
import type { L7Protocol } from "../scenario/pod-types.js";
import type { Scenario } from "../scenario/types.js";

export function assumptionsOf(scenario: Scenario, node: BuiltNode): readonly string[] {
  const { cluster } = scenario;
  const config = datapathConfig(effectiveSettings(scenario.helm.settings, node.profile), node.profile, node.topology, node.kernel.hz);
  return [
    ...node.profile.inferred.map((text) => `Profile of Cilium ${node.profile.version}: ${text}.`),
    ...node.profile.assumptions.map((text) => `${text}.`),
    ...assumedFeatures(config).map((feature) => `Modelled from the source, without a recorded run to compare with: ${feature.split(":")[0]}.`),
    ...(hasRules(scenario, "http")
      ? [
          `The L7 proxy takes ${(PROXY_REQUEST_NS + PROXY_ANSWER_NS) / 1e3} µs of CPU time for a request and its answer (assumed), ` +
            "is set as the chart sets it, and resets clients whose requests fail, where Envoy answers 503.",
        ]
      : []),
    ...(hasRules(scenario, "dns")
      ? [
          `The DNS proxy takes ${(DNS_QUESTION_NS + DNS_ANSWER_NS) / 1e3} µs of CPU time for a question and its answer (assumed), ` +
            "and holds no answer back until policies are written.",
          ...(placeholders(scenario).length === 0
            ? []
            : [`Flows of DNS show names under example. for ${placeholders(scenario).join(", ")}: the scenario does not say what is asked (query.dns.name).`]),
        ]
      : []),
    ...scenario.preload
      .filter(({ kind }) => kind !== null)
      .map(({ map, entries, about }) => `${formatCount(entries)} entries of ${map} are state, not simulated from birth: ${about || "no packets touch them"}.`),
    `One node of ${cluster.nodes} is simulated; the others answer as peers without maps of their own, one round trip of ` +
      `${cluster.rttNs / 1e3} µs away, and the network loses nothing.`,
    "Time at hooks is a sum of costs of map operations (measured on another machine, ±20 %) and of programs (assumed).",
  ];
}

function hasRules({ policies }: Scenario, protocol: L7Protocol): boolean {
  return policies.some(({ allow }) => allow.some(({ l7 }) => l7 === protocol));
}
