/**
 * Who lives where: the cluster of a scenario as addresses, identities and endpoints, before any map is written.
 *
 * One node is simulated; the pods of its workloads live on it. All backends live on the other nodes, spread round-robin.
 * Addresses follow Kubernetes' habits: a /24 of the pod network for each node (the node's own first), service addresses
 * from 10.96.0.0/12, nodes in 192.168.0.0/16. IPv4 words are in network byte order, as in the maps.
 */
import { ipv4 } from "../cilium/maps/address.js";
import { addressAfter } from "./address-offset.js";
import type { Cluster, Scenario, Service, Workload } from "../scenario/types.js";

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

export interface ServiceTopology {
  readonly name: string;
  readonly namespace: string;
  readonly address: number;
  readonly port: number;
  readonly protocol: "TCP" | "UDP";
  readonly revNatIndex: number;
  readonly backends: readonly (Pod & { readonly backendId: number })[];
}

export interface Topology {
  readonly nodeName: string;
  readonly nodeAddress: number;
  /** Address of `cilium_host` on the simulated node. */
  readonly routerAddress: number;
  /** Addresses of the nodes that carry a pod of this topology, by node number. */
  readonly nodeAddresses: ReadonlyMap<number, number>;
  /** Pods of the simulated node, in order of endpoint id. */
  readonly localPods: readonly Pod[];
  readonly services: readonly ServiceTopology[];
  /** Identity of each workload (`namespace/name`), in order of first mention. */
  readonly identities: ReadonlyMap<string, number>;
  /** For each workload of the scenario, indices into `localPods`. */
  readonly clients: readonly (readonly number[])[];
}

/** Lays the scenario's cluster out. Equal scenarios give equal topologies. */
export function layOut(scenario: Scenario): Topology {
  const identities = assignIdentities(scenario);
  const localPods = placeLocalPods(scenario, identities);
  const services = placeServices(scenario, identities);
  const nodes = new Set([0, ...services.flatMap(({ backends }) => backends.map(({ node }) => node))]);
  return {
    nodeName: "node-0",
    nodeAddress: nodeAddress(0),
    routerAddress: podAddress(scenario.cluster, 0, 1),
    nodeAddresses: new Map([...nodes].map((node) => [node, nodeAddress(node)])),
    localPods,
    services,
    identities,
    clients: scenario.workloads.map((workload) => clientsOf(workload, localPods)),
  };
}

/** Splits `namespace/name`; without a namespace it is `default`. */
export function splitName(qualified: string): { readonly namespace: string; readonly name: string } {
  const slash = qualified.indexOf("/");
  return slash < 0
    ? { namespace: "default", name: qualified }
    : { namespace: qualified.slice(0, slash), name: qualified.slice(slash + 1) };
}

function assignIdentities(scenario: Scenario): ReadonlyMap<string, number> {
  const names = [
    ...scenario.workloads.map(({ from }) => from.workload),
    ...scenario.services.map(({ name }) => name),
    ...scenario.policies.flatMap(({ endpoints, allow }) => [endpoints, ...allow.map(({ peer }) => peer)]),
  ];
  return new Map([...new Set(names)].map((name, index) => [name, IDENTITY_FIRST + index]));
}

/** One set of pods for each client workload name; workloads that share a name share its pods. */
function placeLocalPods(scenario: Scenario, identities: ReadonlyMap<string, number>): readonly Pod[] {
  const wanted = new Map<string, number>();
  for (const { from } of scenario.workloads) wanted.set(from.workload, Math.max(from.pods, wanted.get(from.workload) ?? 0));
  const pods: Pod[] = [];
  for (const [qualified, count] of wanted) {
    const { namespace, name } = splitName(qualified);
    for (let i = 0; i < count; i++) {
      pods.push({
        name: `${name}-${i}`,
        namespace,
        workload: name,
        address: podAddress(scenario.cluster, 0, POD_HOST_FIRST + pods.length),
        identity: identities.get(qualified)!,
        endpointId: ENDPOINT_FIRST + pods.length,
        node: 0,
      });
    }
  }
  return pods;
}

function placeServices(scenario: Scenario, identities: ReadonlyMap<string, number>): readonly ServiceTopology[] {
  let backendId = 1;
  let placed = 0;
  return scenario.services.map((service, index) => {
    const { namespace, name } = splitName(service.name);
    const backends = Array.from({ length: service.backends }, (_, i) => {
      const { node, host } = remotePlace(placed++, scenario.cluster.nodes);
      return {
        name: `${name}-${i}`,
        namespace,
        workload: name,
        address: podAddress(scenario.cluster, node, host),
        identity: identities.get(service.name)!,
        endpointId: 0,
        node,
        backendId: backendId++,
      };
    });
    return {
      name,
      namespace,
      address: serviceAddress(service, index),
      port: service.port,
      protocol: service.protocol,
      revNatIndex: index + 1,
      backends,
    };
  });
}

/** Round-robin over the nodes other than the simulated one. */
function remotePlace(index: number, nodes: number): { readonly node: number; readonly host: number } {
  const others = Math.max(1, nodes - 1);
  return { node: 1 + (index % others), host: POD_HOST_FIRST + Math.floor(index / others) };
}

function clientsOf({ from }: Workload, localPods: readonly Pod[]): readonly number[] {
  const { namespace, name } = splitName(from.workload);
  return localPods
    .map((pod, index) => ({ pod, index }))
    .filter(({ pod }) => pod.namespace === namespace && pod.workload === name)
    .slice(0, from.pods)
    .map(({ index }) => index);
}

function podAddress(cluster: Cluster, node: number, host: number): number {
  if (host - POD_HOST_FIRST >= PODS_PER_NODE) throw new RangeError(`more than ${PODS_PER_NODE} pods on node ${node}`);
  return addressAfter(cluster.podCidr.split("/")[0]!, node * 256 + host);
}

function nodeAddress(node: number): number {
  return addressAfter(NODES, NODE_HOST_FIRST + node);
}

function serviceAddress(service: Service, index: number): number {
  return service.clusterIp === null ? addressAfter(SERVICES, SERVICE_FIRST + index) : ipv4(service.clusterIp);
}
