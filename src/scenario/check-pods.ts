/** What policies, rate limits and egress gateways say about the rest of a scenario, and about the settings that they need. */

import type { CiliumSettings } from "../cilium/agent/settings.js";
import { Check, type CheckedInput } from "./check.js";
import { parseIpv4, parsePrefix } from "./cidr.js";
import type { Diagnostics } from "./diagnostics.js";
import type { ScenarioInput } from "./schema.js";
import { placeOf, type Path, type Tree } from "./tree.js";

/** Peers of a rule that are no workloads: everybody outside the cluster, the other nodes, the node itself. */
const RESERVED = ["world", "remote-node", "host"];
const HOST = "host";

export function checkPods(input: CheckedInput, tree: Tree, found: Diagnostics): void {
  new PodCheck(input, tree, found).run();
}

type PolicyInput = ScenarioInput["policies"][number];

class PodCheck extends Check {
  /** Workloads with pods on the simulated node, and on any. */
  readonly #local: readonly string[];
  readonly #all: readonly string[];

  constructor(input: CheckedInput, tree: Tree, found: Diagnostics) {
    super(input, tree, found);
    this.#local = this.localNames();
    this.#all = [...this.#local, ...this.namesOf("workloads", ["from", "remote"])];
  }

  run(): void {
    this.#policies();
    this.#bandwidth();
    this.#egressGateways();
  }

  #policies(): void {
    const seen = new Map<string, number>();
    for (const [index, policy] of this.input.policies.entries()) {
      if (policy === undefined) continue;
      const path: Path = ["policies", index, "endpoints"];
      this.once(seen, policy.endpoints, path, `a policy for ${policy.endpoints}`);
      if (policy.endpoints !== HOST) this.known(policy.endpoints, this.#local, path, "workload of the simulated node");
      this.#rules(policy, ["policies", index]);
    }
    for (const [index, event] of this.input.timeline.entries()) {
      if (event !== undefined && "policy" in event) this.#rules(event.policy, ["timeline", index, "policy"]);
    }
  }

  #rules(policy: PolicyInput, path: Path): void {
    const valid = [...new Set([...this.serviceNames(), ...this.#all, ...RESERVED])];
    for (const kind of ["allow", "deny"] as const) {
      for (const [rule, peer] of policy[kind].entries()) {
        const key = "to" in peer ? "to" : "from";
        const name = "to" in peer ? peer.to : peer.from;
        this.known(name, valid, [...path, kind, rule, key], "service or workload");
      }
    }
    for (const [rule, peer] of policy.allow.entries()) {
      if (peer.l7 !== undefined) this.#aboveLayer4(policy, peer, [...path, "allow", rule, "l7"]);
      if (peer.rules !== undefined) this.#l7Rules(peer, [...path, "allow", rule, "rules"]);
    }
  }

  /** `sanitize` in pkg/policy/api/rule_validation.go asks for port and protocol; host policies have no HTTP rules. */
  #aboveLayer4(policy: Pick<PolicyInput, "endpoints" | "ingress" | "egress">, { direction, port, protocol, l7 }: PolicyInput["allow"][number], path: Path): void {
    const wrong = (message: string, expected: string): void => void this.found.error(this.at(path), message, { expected });
    if (port === undefined) wrong("a rule above layer 4 needs a port", "port: 80 beside it");
    if (l7 === "http" && protocol !== "TCP") wrong("HTTP rules are for TCP", "protocol: TCP");
    if (l7 === "dns" && protocol !== "UDP") wrong("DNS over TCP is not modelled", "protocol: UDP");
    if (l7 === "dns" && direction === "ingress") wrong("DNS rules are for egress", "direction: egress");
    if (policy.endpoints === HOST) wrong("policies of the node itself have no rules above layer 4", "a rule without it");
    else if (policy[direction] !== "deny") wrong(`a rule that allows ${direction} does nothing where the default is to allow`, `${direction}: deny`);
    const gateway = direction === "egress" && this.input.egressGateways.some((rule) => rule?.pods === policy.endpoints);
    if (gateway) wrong("what the proxy sends through an egress gateway is not modelled", "pods with the one or the other");
  }

  #l7Rules({ l7, rules = [] }: PolicyInput["allow"][number], path: Path): void {
    if (l7 === undefined) this.found.error(this.at(path), "rules above layer 4 need their protocol", { expected: "`l7: http` or `l7: dns` beside them" });
    for (const [index, { method, path: paths, matchName, matchPattern }] of rules.entries()) {
      const ofHttp = method !== undefined || paths !== undefined;
      const ofDns = matchName !== undefined || matchPattern !== undefined;
      if (ofHttp && l7 !== "dns" && !ofDns) continue;
      if (ofDns && l7 !== "http" && !ofHttp && (matchName === undefined || matchPattern === undefined)) continue;
      this.found.error(this.at([...path, index]), "a rule of another protocol, or of none", {
        expected: l7 === "dns" ? "matchName or matchPattern" : "method, path or both",
      });
    }
  }

  #bandwidth(): void {
    const seen = new Map<string, number>();
    for (const [index, limit] of this.input.bandwidth.entries()) {
      if (limit === undefined) continue;
      const path: Path = ["bandwidth", index, "pods"];
      this.once(seen, limit.pods, path, `a limit for ${limit.pods}`);
      this.known(limit.pods, this.#local, path, "workload of the simulated node");
    }
  }

  #egressGateways(): void {
    for (const [index, rule] of this.input.egressGateways.entries()) {
      if (rule === undefined) continue;
      const path: Path = ["egressGateways", index];
      this.known(rule.pods, rule.gateway === "here" ? this.#all : this.#local, [...path, "pods"], "workload");
      if (parsePrefix(rule.to) === undefined) {
        this.found.error(this.at([...path, "to"]), `${rule.to} is no network prefix`, { expected: "octets up to 255 and no bits behind the prefix" });
      }
      if (rule.egressIP !== undefined && parseIpv4(rule.egressIP) === undefined) {
        this.found.error(this.at([...path, "egressIP"]), `${rule.egressIP} is no IPv4 address`, { expected: "octets up to 255" });
      }
      if (rule.gateway === "elsewhere" && this.input.cluster?.nodes === 1) {
        this.found.error(this.at([...path, "gateway"]), "the cluster has only one node", { expected: "here" });
      }
    }
  }
}

/** Sections that do nothing on a node whose settings don't ask for them. */
export function checkNeeds(settings: CiliumSettings, input: ScenarioInput, tree: Tree, found: Diagnostics): void {
  const need = (path: Path, what: string, keys: string): void => {
    found.error(placeOf(tree, path), `${what} does nothing with these settings`, { expected: `helm.set { ${keys} }` });
  };
  const host = input.policies.findIndex(({ endpoints }) => endpoints === HOST);
  if (host >= 0 && !settings.enableHostFirewall) need(["policies", host, "endpoints"], "a policy of the node itself", "hostFirewall.enabled: true");
  const proxied = input.policies.findIndex(({ allow }) => allow.some(({ l7 }) => l7 !== undefined));
  if (proxied >= 0 && !settings.enableL7Proxy) need(["policies", proxied, "allow"], "a rule above layer 4", "l7Proxy: true");
  const sctp = input.services.findIndex(({ protocol }) => protocol === "SCTP");
  if (sctp >= 0 && !settings.enableSctp) need(["services", sctp, "protocol"], "a service of SCTP", "sctp.enabled: true");
  const family = input.workloads.findIndex((workload) => workload.family === "IPv6");
  if (family >= 0 && !settings.enableIpv6) need(["workloads", family, "family"], "a workload of IPv6", "ipv6.enabled: true");
  if (input.bandwidth.length > 0 && !settings.enableBandwidthManager) {
    need(["bandwidth", 0], "an annotation with a rate limit", "bandwidthManager.enabled: true");
  }
  if (input.egressGateways.length > 0 && !(settings.enableEgressGateway && settings.enableBpfMasquerade && settings.kubeProxyReplacement)) {
    need(["egressGateways", 0], "an egress gateway policy", "egressGateway.enabled: true, bpf.masquerade: true, kubeProxyReplacement: true");
  }
}
