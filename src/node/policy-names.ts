/**
 * Which policy lets a connection pass, or stops it, as flows of verdicts name it: pkg/policy/correlation/correlation.go, and the labels
 * that pkg/policy gives entries which no rule has asked for.
 *
 * Simplified: a policy of the scenario is a CiliumNetworkPolicy with the name of the workload that it selects; it keeps its UID for good.
 */
import { POLICY_MATCH_NAMES } from "../cilium/datapath/events.js";
import { IPPROTO_ICMP, IPPROTO_ICMPV6 } from "../cilium/datapath/packet.js";
import type { FlowFormat } from "../observe/flow-format.js";
import { FLOW_DIRECTION, FLOW_VERDICT, type FlowRow } from "../observe/flow-row.js";
import { object, type FlowTables, NOBODY } from "../observe/flow-tables.js";
import { type FlowUuids, goString } from "../observe/flow-text.js";
import type { PolicyNames } from "../observe/hubble-flow.js";
import type { Policy, RuledPeer } from "../scenario/pod-types.js";
import { IDENTITY, PROTOCOL_NUMBER } from "./populate.js";
import { splitName, type Topology } from "./topology.js";

const KIND = "CiliumNetworkPolicy";
const WORLD: readonly number[] = [IDENTITY.world, IDENTITY.worldIpv4, IDENTITY.worldIpv6];

/** What holds at present. */
export interface HeldPolicies {
  readonly current: readonly Policy[];
  /** Grows by one with each change. */
  readonly revision: number;
}

export class PolicyLabels implements PolicyNames {
  readonly #tables: FlowTables;
  readonly #topology: Topology;
  readonly #format: FlowFormat;
  /** UIDs that the API server has given, by the number of the workload. */
  readonly #uids: FlowUuids;
  /** Told when the policies are there. */
  held: HeldPolicies = { current: [], revision: 1 };

  constructor(tables: FlowTables, topology: Topology, format: FlowFormat, uids: FlowUuids) {
    this.#tables = tables;
    this.#topology = topology;
    this.#format = format;
    this.#uids = uids;
  }

  rulesBehind(row: FlowRow): string {
    const egress = row.direction === FLOW_DIRECTION.egress;
    const index = egress ? row.sourceEndpoint : row.destinationEndpoint;
    if (index === NOBODY || this.#tables.endpointId(index) === 0) return "";
    const remote = egress ? row.destinationIdentity : row.sourceIdentity;
    switch (POLICY_MATCH_NAMES[row.policyMatch]) {
      case "all":
        return this.#reserved(`allow-any-${egress ? "egress" : "ingress"}`);
      case "l3-only":
        // Nothing else asks for a peer alone.
        return !egress && remote === IDENTITY.host ? this.#reserved("allow-localhost-ingress") : "";
      default:
        return this.#rules(row, this.#tables.endpoint(index).identity, remote, egress ? "egress" : "ingress");
    }
  }

  #rules(row: FlowRow, subject: number, remote: number, direction: RuledPeer["direction"]): string {
    const { identities } = this.#topology;
    const list = row.verdict === FLOW_VERDICT.dropped ? "deny" : "allow";
    const fits = (peer: RuledPeer): boolean => peer.direction === direction && isSame(identities.get(peer.peer), remote) && isFor(peer, row);
    return this.held.current
      .filter((policy) => identities.get(policy.endpoints) === subject && policy[list].some(fits))
      .map((policy) => this.#policy(policy))
      .join(",");
  }

  #policy({ endpoints }: Policy): string {
    const { namespace, name } = splitName(endpoints);
    const uid = this.#uids.text([...this.#topology.identities.keys()].indexOf(endpoints));
    const labels = [`derived-from=${KIND}`, `name=${name}`, `namespace=${namespace}`, `uid=${uid}`].map((label) => goString(`k8s:io.cilium.k8s.policy.${label}`));
    return object([
      ["name", goString(name)],
      ["namespace", goString(namespace)],
      ["labels", `[${labels.join(",")}]`],
      ["revision", `"${this.held.revision}"`],
      ["kind", this.#format.policyKind ? `"${KIND}"` : ""],
    ]);
  }

  #reserved(derivedFrom: string): string {
    return object([["labels", `["reserved:io.cilium.policy.derived-from=${derivedFrom}"]`], ["revision", `"${this.held.revision}"`]]);
  }
}

function isSame(ruled: number | undefined, identity: number): boolean {
  return ruled === identity || (ruled === IDENTITY.world && WORLD.includes(identity));
}

/** By port and protocol, or the protocol alone. */
function isFor({ protocol, port }: RuledPeer, row: FlowRow): boolean {
  if (protocol === "ICMP") return row.protocol === IPPROTO_ICMP || row.protocol === IPPROTO_ICMPV6;
  return PROTOCOL_NUMBER[protocol] === row.protocol && (port === 0 || port === row.dport);
}
