/** Which packets of other nodes reach the simulated one wrapped, by whom, and with which identity in the tunnel's key. */
import type { DatapathConfig } from "../cilium/datapath/config.js";
import { IDENTITY } from "./populate.js";
import { routerAddress, type Topology } from "./topology.js";
import { Wrapping } from "./wrapping.js";

export class Underlay {
  readonly #wrapping: number;
  readonly #router: number;
  /** Pods of the simulated node. */
  readonly #here: ReadonlySet<number>;
  /** Of every pod elsewhere, and of `cilium_host` of other nodes: the node's address, and the identity. */
  readonly #nodes = new Map<number, number>();
  readonly #identities = new Map<number, number>();
  /** Of the last packet asked about. */
  wrappedBy = 0;
  tunnelKey = 0;

  constructor(topology: Topology, config: Pick<DatapathConfig, "tunnel" | "encryption">) {
    this.#wrapping = config.tunnel ? Wrapping.tunnel : config.encryption === "none" ? Wrapping.none : Wrapping.encrypted;
    this.#router = topology.routerAddress;
    this.#here = new Set(topology.localPods.map(({ address }) => address));
    for (const pod of [...topology.services.flatMap(({ backends, later }) => [...backends, ...later]), ...topology.remoteClients]) {
      if (pod.node !== 0) this.#add(pod.address, topology.nodeAddresses.get(pod.node)!, pod.identity);
    }
    if (!config.tunnel) return;
    // Requests of the world that another node passes on bear its router's address and keep the world's identity.
    for (const [node, address] of topology.nodeAddresses) {
      if (node !== 0) this.#add(routerAddress(topology.podCidr, node), address, IDENTITY.world);
    }
  }

  /** `Wrapping` of a packet that another node sends here; `wrappedBy` and `tunnelKey` go with it. */
  find(source: number, destination: number): number {
    if (this.#wrapping === Wrapping.none) return Wrapping.none;
    const node = this.#nodes.get(source);
    if (node === undefined || !(this.#here.has(destination) || destination === this.#router)) return Wrapping.none;
    this.wrappedBy = node;
    this.tunnelKey = this.#identities.get(source)!;
    return this.#wrapping;
  }

  #add(address: number, node: number, identity: number): void {
    this.#nodes.set(address, node);
    this.#identities.set(address, identity);
  }
}
