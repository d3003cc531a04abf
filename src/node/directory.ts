/** Who is at an address, and whether something listens there: what the network around the node knows without any map. */
import { parsePrefixWord, type PrefixWord } from "./address-offset.js";
import { nodeAddress, type Pod, type Topology } from "./topology.js";

const PORTS = 65_536;

export class Directory {
  /** Endpoint id of each pod address of the simulated node. */
  readonly endpoints = new Map<number, number>();
  /** Index of the pod that has each endpoint id. */
  readonly #places: number[] = [];
  /** Addresses of the node's own. */
  readonly own: readonly number[];
  /** Addresses that are routed to the node although no interface has them. */
  readonly #announced = new Set<number>();
  readonly #hosts = new Set<number>();
  readonly #listeners = new Set<number>();
  readonly #pods: PrefixWord;

  /** `announced`: addresses beside those of services that are routed to the node. */
  constructor(topology: Topology, podCidr: string, announced: readonly number[]) {
    this.own = [topology.nodeAddress, topology.routerAddress];
    this.#pods = parsePrefixWord(podCidr);
    for (const address of announced) this.#announced.add(address);
    for (const node of topology.nodeAddresses.keys()) this.#hosts.add(nodeAddress(node));
    topology.localPods.forEach((pod, place) => (this.#places[pod.endpointId] = place));
    for (const pod of [...topology.localPods, ...topology.remoteClients]) this.arrive(pod);
    for (const service of topology.services) {
      for (const pod of service.backends) {
        this.arrive(pod);
        this.listen(pod.address, service.port);
      }
      for (const frontend of service.frontends) if (frontend.kind === "load-balancer") this.#announced.add(frontend.address);
    }
  }

  /** A pod has its address from now on. */
  arrive(pod: Pod): void {
    this.#hosts.add(pod.address);
    if (pod.node === 0) this.endpoints.set(pod.address, pod.endpointId);
  }

  /** Nobody has the pod's address any more. */
  leave(pod: Pod): void {
    this.#hosts.delete(pod.address);
    this.endpoints.delete(pod.address);
  }

  listen(address: number, port: number): void {
    this.#listeners.add(keyOf(address, port));
  }

  stopListening(address: number, port: number): void {
    this.#listeners.delete(keyOf(address, port));
  }

  /** Place of the pod with that endpoint. */
  placeOf(endpointId: number): number {
    return this.#places[endpointId]!;
  }

  /** Packets for this address come to the simulated node. */
  isHere(address: number): boolean {
    return this.own.includes(address) || this.endpoints.has(address) || this.#announced.has(address);
  }

  /** The address is one that pods have. */
  isPod(address: number): boolean {
    return this.#pods.contains(address);
  }

  /** Somebody has the address. Outside the cluster everybody has theirs. */
  exists(address: number): boolean {
    return this.#hosts.has(address) || this.own.includes(address) || !this.#pods.contains(address);
  }

  /** Something accepts flows there. The world outside always does. */
  listens(address: number, port: number): boolean {
    if (this.#listeners.has(keyOf(address, port))) return true;
    return !this.#pods.contains(address) && !this.#hosts.has(address) && !this.own.includes(address);
  }
}

function keyOf(address: number, port: number): number {
  return (address >>> 0) * PORTS + port;
}
