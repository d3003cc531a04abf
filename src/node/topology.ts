/**
 * Who lives where: the cluster of a scenario as addresses, identities and endpoints, before any map is written.
 *
 * One node is simulated: client pods and local backends live on it. All other pods live on the other nodes, spread
 * round-robin.
 * Addresses follow Kubernetes' habits: a /24 of the pod network for each node (the node's own first), service addresses
 * from 10.96.0.0/12, nodes in 192.168.0.0/16. IPv4 words are in network byte order, as in the maps.
 */
import { ipv4 } from "../cilium/maps/address.js";
import { NS_PER_S } from "../core/units.js";
import type { Cluster, Origin, Protocol, Scenario, Service } from "../scenario/types.js";
import { addressAfter } from "./address-offset.js";
import { Place } from "./flow-table.js";

/** First identity that the operator hands to a label set; below are reserved ones. pkg/identity, MinimalNumericIdentity. */
const IDENTITY_FIRST = 256;
/** First endpoint id that the simulated node hands out; an agent draws ids from 1 … 65535. */
const ENDPOINT_FIRST = 1;
/** Pods of a node start here in its /24: .0 is the network, .1 the router (`cilium_host`). */
const POD_HOST_FIRST = 10;
/** Pod addresses that a /24 leaves. */
const PODS_PER_NODE = 245;
/** Service addresses (kubeadm's default) start at .10, after those that clusters reserve by habit. */
const SERVICES = "10.96.0.0";
const SERVICE_FIRST = 10;
/** Node addresses, from .10 up. */
const NODES = "192.168.0.0";
const NODE_HOST_FIRST = 10;
/** External addresses of load balancers: a block for documentation (RFC 5737). */
const EXTERNAL = "192.0.2.0";
/** Kubernetes' --service-node-port-range begins here. */
const NODE_PORT_FIRST = 30_000;
/** The agent keeps a frontend 0.0.0.0:nodePort, by which sockets find NodePorts of any node address. */
export const WILDCARD = 0;
/** Names and identities of the node itself, of everybody outside the cluster, and of the other nodes. pkg/identity, ReservedIdentity…. */
const RESERVED: ReadonlyMap<string, number> = new Map([["host", 1], ["world", 2], ["remote-node", 6]]);
/** The node that takes requests which do not enter at the simulated one. */
export const ENTRY_NODE = 1;

export interface Pod {
  /** `order-service-3`. */
  readonly name: string;
  readonly namespace: string;
  readonly workload: string;
  readonly address: number;
  readonly identity: number;
  /** Endpoint id on the simulated node; 0 for pods of other nodes. */
  readonly endpointId: number;
  readonly node: number;
}

/** One address at which a service can be called. */
export interface Frontend {
  readonly address: number;
  readonly port: number;
  readonly revNatIndex: number;
  readonly kind: "cluster" | "node-port" | "load-balancer";
}

export interface ServiceTopology {
  /** Index into the scenario's services. */
  readonly index: number;
  readonly name: string;
  readonly namespace: string;
  readonly port: number;
  readonly protocol: Protocol;
  /** The ClusterIP first; for other types the addresses outside follow, the one that the world calls last. */
  readonly frontends: readonly Frontend[];
  /** Pods behind it when the run begins: those of other nodes, then those of the simulated node. */
  readonly backends: readonly Pod[];
  /** Pods of other nodes that the timeline adds, in their order. */
  readonly later: readonly Pod[];
  readonly affinitySeconds: number;
}

/** Somebody who opens connections: a place (`Place`) and an address. */
export interface ClientTopology {
  readonly place: number;
  readonly address: number;
}

export interface Topology {
  readonly nodeName: string;
  readonly nodeAddress: number;
  /** Address of `cilium_host` on the simulated node. */
  readonly routerAddress: number;
  /** Endpoint id of the node itself. */
  readonly hostEndpointId: number;
  /** Prefix of all pods. */
  readonly podCidr: string;
  /** Addresses of the nodes that carry a pod of this topology, by node number. */
  readonly nodeAddresses: ReadonlyMap<number, number>;
  /** Pods of the simulated node, in order of endpoint id. */
  readonly localPods: readonly Pod[];
  /** Client pods of other nodes. */
  readonly remoteClients: readonly Pod[];
  readonly services: readonly ServiceTopology[];
  /** Identity of each workload (`namespace/name`), in order of first mention, and those that Cilium reserves. */
  readonly identities: ReadonlyMap<string, number>;
  /** For each workload of the scenario, who opens its connections. */
  readonly clients: readonly (readonly ClientTopology[])[];
}

/** Lays the scenario's cluster out. Equal scenarios give equal topologies. */
export function layOut(scenario: Scenario): Topology {
  return new Layout(scenario).topology();
}

/** Splits `namespace/name`; without a namespace it is `default`. */
export function splitName(qualified: string): { readonly namespace: string; readonly name: string } {
  const slash = qualified.indexOf("/");
  return slash < 0
    ? { namespace: "default", name: qualified }
    : { namespace: qualified.slice(0, slash), name: qualified.slice(slash + 1) };
}

/** `namespace/name` of a pod's workload. */
export function workloadOf({ namespace, workload }: Pod): string {
  return `${namespace}/${workload}`;
}

/** Every pod of a workload (`namespace/name`), wherever it is. */
export function podsOf({ localPods, remoteClients, services }: Topology, workload: string): readonly Pod[] {
  const elsewhere = services.flatMap(({ backends, later }) => [...backends.filter(({ node }) => node !== 0), ...later]);
  return [...localPods, ...remoteClients, ...elsewhere].filter((pod) => workloadOf(pod) === workload);
}

function identitiesOf(scenario: Scenario): ReadonlyMap<string, number> {
  const clients = scenario.workloads.flatMap(({ from }) => (from.kind === "pod" || from.kind === "remote" ? [from.workload] : []));
  const names = [
    ...clients,
    ...scenario.services.map(({ name }) => name),
    ...scenario.policies.flatMap(({ endpoints, allow }) => [endpoints, ...allow.map(({ peer }) => peer)]),
  ].filter((name) => !RESERVED.has(name));
  const numbered = [...new Set(names)].map((name, index) => [name, IDENTITY_FIRST + index] as const);
  return new Map([...numbered, ...RESERVED]);
}

/** Hands out addresses, endpoint ids and identities in the order of the scenario. */
class Layout {
  readonly #scenario: Scenario;
  readonly #identities: ReadonlyMap<string, number>;
  readonly #localPods: Pod[] = [];
  /** Pods placed on other nodes so far. */
  #remotePods = 0;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.#identities = identitiesOf(scenario);
  }

  topology(): Topology {
    const scenario = this.#scenario;
    this.#placeClients();
    const services = this.#services();
    const remote = this.#remoteClients();
    const withLater = services.map((service) => ({ ...service, later: this.#laterBackends(service) }));
    const remotePods = [...remote.values()].flat();
    const nodes = new Set([0, ...[...withLater.flatMap(({ backends, later }) => [...backends, ...later]), ...remotePods].map(({ node }) => node)]);
    const elsewhere = [...scenario.workloads.map(({ entry }) => entry), ...scenario.egressGateways.map(({ gateway }) => gateway)];
    if (elsewhere.includes("elsewhere")) nodes.add(ENTRY_NODE);
    return {
      nodeName: "node-0",
      nodeAddress: nodeAddress(0),
      routerAddress: routerAddress(scenario.cluster.podCidr, 0),
      hostEndpointId: ENDPOINT_FIRST + this.#localPods.length,
      podCidr: scenario.cluster.podCidr,
      nodeAddresses: new Map([...nodes].map((node) => [node, nodeAddress(node)])),
      localPods: this.#localPods,
      remoteClients: remotePods,
      services: withLater,
      identities: this.#identities,
      clients: scenario.workloads.map(({ from }) => this.#clientsOf(from, remote)),
    };
  }

  /** One set of pods for each client workload name; workloads that share a name share its pods. */
  #placeClients(): void {
    for (const [name, count] of this.#wanted("pod")) for (let i = 0; i < count; i++) this.#placeHere(name, i);
  }

  /** Most pods that any workload wants of each name. */
  #wanted(kind: "pod" | "remote"): ReadonlyMap<string, number> {
    const wanted = new Map<string, number>();
    for (const { from } of this.#scenario.workloads) {
      if (from.kind === kind) wanted.set(from.workload, Math.max(from.pods, wanted.get(from.workload) ?? 0));
    }
    return wanted;
  }

  #placeHere(qualified: string, number: number): Pod {
    const place = this.#localPods.length;
    const pod = this.#pod(qualified, number, 0, POD_HOST_FIRST + place, ENDPOINT_FIRST + place);
    this.#localPods.push(pod);
    return pod;
  }

  /** Round-robin over the nodes other than the simulated one. */
  #placeElsewhere(qualified: string, number: number): Pod {
    const others = Math.max(1, this.#scenario.cluster.nodes - 1);
    const nth = this.#remotePods++;
    return this.#pod(qualified, number, 1 + (nth % others), POD_HOST_FIRST + Math.floor(nth / others), 0);
  }

  #pod(qualified: string, number: number, node: number, host: number, endpointId: number): Pod {
    const { namespace, name } = splitName(qualified);
    return {
      name: `${name}-${number}`,
      namespace,
      workload: name,
      address: podAddress(this.#scenario.cluster, node, host),
      identity: this.#identities.get(qualified)!,
      endpointId,
      node,
    };
  }

  #services(): readonly Omit<ServiceTopology, "later">[] {
    let index = this.#scenario.services.length;
    let outside = 0;
    return this.#scenario.services.map((service, nth) => {
      const { namespace, name } = splitName(service.name);
      const elsewhere = Array.from({ length: service.backends }, (_, i) => this.#placeElsewhere(service.name, i));
      const here = Array.from({ length: service.localBackends }, (_, i) => this.#placeHere(service.name, service.backends + i));
      const frontends: Frontend[] = [{ address: clusterIp(service, nth), port: service.port, revNatIndex: nth + 1, kind: "cluster" }];
      if (service.type !== "ClusterIP") {
        const port = service.nodePort ?? NODE_PORT_FIRST + outside;
        for (const address of [WILDCARD, nodeAddress(0)]) frontends.push({ address, port, revNatIndex: ++index, kind: "node-port" });
      }
      if (service.type === "LoadBalancer") {
        frontends.push({ address: addressAfter(EXTERNAL, 1 + outside), port: service.port, revNatIndex: ++index, kind: "load-balancer" });
      }
      if (service.type !== "ClusterIP") outside++;
      return {
        index: nth,
        name,
        namespace,
        port: service.port,
        protocol: service.protocol,
        frontends,
        backends: [...elsewhere, ...here],
        affinitySeconds: service.affinityNs === null ? 0 : Math.ceil(service.affinityNs / NS_PER_S),
      };
    });
  }

  #laterBackends({ index, backends }: Omit<ServiceTopology, "later">): readonly Pod[] {
    const wanted = this.#scenario.timeline.reduce((sum, { happening, times }) => {
      return happening.kind === "backends" && happening.service === index ? sum + happening.add * times : sum;
    }, 0);
    return Array.from({ length: wanted }, (_, i) => this.#placeElsewhere(this.#scenario.services[index]!.name, backends.length + i));
  }

  #remoteClients(): ReadonlyMap<string, readonly Pod[]> {
    const placed = [...this.#wanted("remote")].map(([name, count]) => {
      return [name, Array.from({ length: count }, (_, i) => this.#placeElsewhere(name, i))] as const;
    });
    return new Map(placed);
  }

  #clientsOf(from: Origin, remote: ReadonlyMap<string, readonly Pod[]>): readonly ClientTopology[] {
    switch (from.kind) {
      case "pod":
        return this.#localPods
          .map((pod, place) => ({ pod, place, address: pod.address }))
          .filter(({ pod }) => workloadOf(pod) === from.workload)
          .slice(0, from.pods)
          .map(({ place, address }) => ({ place, address }));
      case "remote":
        return remote.get(from.workload)!.slice(0, from.pods).map(({ address }) => ({ place: Place.offNode, address }));
      case "world": {
        const base = from.prefix.split("/")[0]!;
        return Array.from({ length: from.clients }, (_, i) => ({ place: Place.offNode, address: addressAfter(base, i) }));
      }
      case "host":
        return [{ place: Place.host, address: nodeAddress(0) }];
    }
  }
}

function podAddress(cluster: Cluster, node: number, host: number): number {
  if (host - POD_HOST_FIRST >= PODS_PER_NODE) throw new RangeError(`more than ${PODS_PER_NODE} pods on node ${node}`);
  return addressAfter(cluster.podCidr.split("/")[0]!, node * 256 + host);
}

/** Address of `cilium_host` on a node by its number: the first of the node's pod network. */
export function routerAddress(podCidr: string, node: number): number {
  return addressAfter(podCidr.split("/")[0]!, node * 256 + 1);
}

/** Address of a node by its number; the simulated one is 0. */
export function nodeAddress(node: number): number {
  return addressAfter(NODES, NODE_HOST_FIRST + node);
}

function clusterIp(service: Service, index: number): number {
  return service.clusterIp === null ? addressAfter(SERVICES, SERVICE_FIRST + index) : ipv4(service.clusterIp);
}
