/**
 * The agent's side of policies on this node: what it writes into the endpoints' policy maps, and which verdict events their
 * programs are compiled with. pkg/policy, pkg/endpoint.
 */
import type { PolicyEnforcement } from "../cilium/agent/settings.js";
import type { DatapathContext, EndpointProgram } from "../cilium/datapath/context.js";
import { ICMP_ECHO, ICMPV6_ECHO_REQUEST, IPPROTO_ICMP, IPPROTO_ICMPV6 } from "../cilium/datapath/packet.js";
import type { CiliumMaps } from "../cilium/maps.js";
import { IPV6_WORDS } from "../cilium/maps/address.js";
import { POLICY_EGRESS, POLICY_INGRESS } from "../cilium/maps/policy-map.js";
import type { RuledPeer, Policy } from "../scenario/pod-types.js";
import { addressOf } from "./ipv6.js";
import { checkWrite, IDENTITY, IFINDEX, PROTOCOL_NUMBER } from "./populate.js";
import { workloadOf, type Topology } from "./topology.js";

/** Whom a policy of the host firewall selects. */
const HOST = "host";
/** Ports of the proxy's HTTP listeners, by direction: the first two of those that the agent hands out (`proxyPortMin`, 10000 to 20000). */
const PROXY_PORTS: Readonly<Record<number, number>> = { [POLICY_INGRESS]: 10_000, [POLICY_EGRESS]: 10_001 };
/** Of a rule for echoes: type in the place of the port, for both families. */
const ECHO_RULES = [
  { protocol: IPPROTO_ICMP, port: ICMP_ECHO },
  { protocol: IPPROTO_ICMPV6, port: ICMPV6_ECHO_REQUEST },
];
/** The DNS proxy's, the next of those; an agent draws it (`--tofqdns-proxy-port` 0). */
const DNS_PROXY_PORT = 10_002;
/** Any above the 0 of rules without a proxy. */
const PROXY_PRIORITY = 1;
const DIRECTIONS = [[POLICY_INGRESS, "ingress"], [POLICY_EGRESS, "egress"]] as const;

export class PolicyWriter {
  readonly #maps: CiliumMaps;
  readonly #topology: Topology;
  readonly #enforcement: PolicyEnforcement;
  /** Those that hold now. */
  current: readonly Policy[] = [];
  /** Of the repository: grows with each change, begins with 1. */
  revision = 1;

  constructor(maps: CiliumMaps, topology: Topology, enforcement: PolicyEnforcement) {
    this.#maps = maps;
    this.#topology = topology;
    this.#enforcement = enforcement;
  }

  /** Every endpoint's map, and the programs with their compiled-in values. */
  writeAll(datapath: DatapathContext, all: readonly Policy[]): void {
    this.current = all;
    this.revision += all.length;
    for (const pod of this.#topology.localPods) this.#write(pod.endpointId, selecting(all, workloadOf(pod)));
    if (datapath.config.hostFirewall) this.#write(this.#topology.hostEndpointId, selecting(all, HOST));
    this.#load(datapath, all);
  }

  /** The endpoints of one workload get other rules, in one instant. */
  replace(datapath: DatapathContext, all: readonly Policy[], workload: string): void {
    this.current = all;
    this.revision++;
    const pods = this.#topology.localPods.filter((pod) => workloadOf(pod) === workload).map(({ endpointId }) => endpointId);
    for (const endpointId of workload === HOST ? [this.#topology.hostEndpointId] : pods) {
      this.#maps.policy(endpointId).clear();
      this.#write(endpointId, selecting(all, workload));
    }
    this.#load(datapath, all);
  }

  /** What no policy selects may do everything, unless `policyEnforcementMode` is `always`; else what the policies allow, added up. */
  #write(endpointId: number, policies: readonly Policy[]): void {
    const map = this.#maps.policy(endpointId);
    for (const [direction, name] of DIRECTIONS) {
      if (this.#deniesByDefault(policies, name)) {
        // In Kubernetes the node always reaches its pods: `--allow-localhost` "auto" becomes "always".
        if (direction === POLICY_INGRESS) checkWrite("policy", map.insert({ direction, identity: IDENTITY.host }));
        const allowed = peersOf(policies, "allow", name);
        // Of two rules for the same peer and port the one above layer 4 counts.
        for (const peer of allowed) if (peer.l7 === null) this.#rule(endpointId, direction, peer, false);
        for (const peer of allowed) if (peer.l7 !== null) this.#rule(endpointId, direction, peer, false);
      } else map.allowAll(direction);
      if (this.#enforcement !== "never") for (const peer of peersOf(policies, "deny", name)) this.#rule(endpointId, direction, peer, true);
    }
  }

  /** Some rule selects the endpoint in that direction: its program is compiled with verdict events. */
  #isEnforced(policies: readonly Policy[], direction: RuledPeer["direction"]): boolean {
    return this.#deniesByDefault(policies, direction) || (this.#enforcement !== "never" && peersOf(policies, "deny", direction).length > 0);
  }

  #deniesByDefault(policies: readonly Policy[], direction: RuledPeer["direction"]): boolean {
    if (this.#enforcement === "default") return policies.some((policy) => policy[direction] === "deny");
    return this.#enforcement === "always";
  }

  #rule(endpointId: number, direction: number, { peer, port, protocol, l7 }: RuledPeer, deny: boolean): void {
    const proxy = l7 === null ? {} : { proxyPort: l7 === "dns" ? DNS_PROXY_PORT : PROXY_PORTS[direction]!, proxyPriority: PROXY_PRIORITY };
    const ports = protocol === "ICMP" ? ECHO_RULES : [port === 0 ? { protocol: PROTOCOL_NUMBER[protocol] } : { protocol: PROTOCOL_NUMBER[protocol], port }];
    for (const identity of this.#identitiesOf(peer)) {
      for (const what of ports) checkWrite("policy", this.#maps.policy(endpointId).insert({ direction, identity, deny, ...proxy, ...what }));
    }
  }

  /** With two families the world has an identity for each. */
  #identitiesOf(peer: string): readonly number[] {
    const identity = this.#topology.identities.get(peer)!;
    return identity === IDENTITY.world && this.#maps.hasFamily(IPV6_WORDS) ? [identity, IDENTITY.worldIpv4, IDENTITY.worldIpv6] : [identity];
  }

  #load(datapath: DatapathContext, all: readonly Policy[]): void {
    this.#topology.localPods.forEach(({ endpointId, identity, address }, index) => {
      const policies = selecting(all, workloadOf(this.#topology.localPods[index]!));
      datapath.programs[endpointId] = this.#program(endpointId, identity, address, IFINDEX.firstPod + index, policies);
    });
    if (!datapath.config.hostFirewall) return;
    const { hostEndpointId, nodeAddress } = this.#topology;
    datapath.programs[hostEndpointId] = this.#program(hostEndpointId, IDENTITY.host, nodeAddress, IFINDEX.ciliumHost, selecting(all, HOST));
  }

  #program(lxcId: number, identity: number, address: number, ifindex: number, policies: readonly Policy[]): EndpointProgram {
    return {
      lxcId,
      ifindex,
      identity,
      address4: [address],
      address6: this.#maps.hasFamily(IPV6_WORDS) ? addressOf(address, IPV6_WORDS) : null,
      policy: this.#maps.policy(lxcId),
      verdictIngress: this.#isEnforced(policies, "ingress"),
      verdictEgress: this.#isEnforced(policies, "egress"),
    };
  }
}

function selecting(all: readonly Policy[], workload: string): readonly Policy[] {
  return all.filter(({ endpoints }) => endpoints === workload);
}

function peersOf(policies: readonly Policy[], kind: "allow" | "deny", direction: RuledPeer["direction"]): readonly RuledPeer[] {
  return policies.flatMap((policy) => policy[kind].filter((peer) => peer.direction === direction));
}
