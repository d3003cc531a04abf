/** Which packets of other nodes reach the simulated one wrapped, by whom, and with which identity in the tunnel's key. */
import type { DatapathConfig } from "../cilium/datapath/config.js";
import type { EgressGateway } from "../scenario/pod-types.js";
import type { Entry } from "../scenario/types.js";
import { parsePrefixWord, type PrefixWord } from "./address-offset.js";
import { IDENTITY } from "./populate.js";
import { ENTRY_NODE, nodeAddress, podsOf, routerAddress, type Pod, type Topology } from "./topology.js";
import { Wrapping } from "./wrapping.js";

/** Traffic between pods and a prefix outside that an egress gateway takes. */
interface Detour {
  readonly pods: ReadonlySet<number>;
  readonly prefix: PrefixWord;
}

export class Underlay {
  readonly #wrapping: number;
  /** Nothing is ever wrapped. */
  readonly #bare: boolean;
  readonly #router: number;
  /** Pods of the simulated node. */
  readonly #here: ReadonlySet<number>;
  /** Of every pod elsewhere, and of `cilium_host` of other nodes: the node's address, and the identity. */
  readonly #nodes = new Map<number, number>();
  readonly #identities = new Map<number, number>();
  /** Pods here whose answers come back from a gateway elsewhere; pods elsewhere that leave by the simulated node. */
  readonly #returning: readonly Detour[];
  readonly #leaving: readonly Detour[];
  /** Of the last packet asked about. */
  wrappedBy = 0;
  tunnelKey = 0;

  constructor(topology: Topology, config: Pick<DatapathConfig, "tunnel" | "encryption">, rules: readonly EgressGateway[]) {
    this.#wrapping = config.tunnel ? Wrapping.tunnel : config.encryption === "none" ? Wrapping.none : Wrapping.encrypted;
    this.#router = topology.routerAddress;
    this.#here = new Set(topology.localPods.map(({ address }) => address));
    this.#returning = detours(topology, rules, "elsewhere", ({ node }) => node === 0);
    this.#leaving = detours(topology, rules, "here", ({ node }) => node !== 0);
    this.#bare = this.#wrapping === Wrapping.none && rules.length === 0;
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
  find(source: number, destination: number, ipv6: boolean): number {
    if (this.#bare) return Wrapping.none;
    if (this.#returning.some(({ pods, prefix }) => pods.has(destination) && prefix.contains(source))) {
      // The gateway does not say whose answer it is.
      this.wrappedBy = nodeAddress(ENTRY_NODE);
      this.tunnelKey = 0;
      return Wrapping.tunnel;
    }
    const leaves = this.leavesHere(source, destination);
    const wrapping = ipv6 && this.#wrapping === Wrapping.encrypted ? Wrapping.none : this.#wrapping;
    if (wrapping === Wrapping.none && !leaves) return Wrapping.none;
    const node = this.#nodes.get(source);
    if (node === undefined || !(leaves || this.#here.has(destination) || destination === this.#router)) return Wrapping.none;
    this.wrappedBy = node;
    this.tunnelKey = this.#identities.get(source)!;
    return leaves ? Wrapping.tunnel : wrapping;
  }

  /** A pod elsewhere whose packets to that destination leave by the simulated node. */
  leavesHere(source: number, destination: number): boolean {
    return this.#leaving.length > 0 && this.#leaving.some(({ pods, prefix }) => pods.has(source) && prefix.contains(destination));
  }

  #add(address: number, node: number, identity: number): void {
    this.#nodes.set(address, node);
    this.#identities.set(address, identity);
  }
}

function detours(topology: Topology, rules: readonly EgressGateway[], gateway: Entry, of: (pod: Pod) => boolean): readonly Detour[] {
  return rules
    .filter((rule) => rule.gateway === gateway)
    .map((rule) => ({
      pods: new Set(podsOf(topology, rule.pods).filter(of).map(({ address }) => address)),
      prefix: parsePrefixWord(rule.prefix),
    }));
}
