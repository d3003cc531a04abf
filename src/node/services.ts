/** The agent's side of services on this node: which frontends it writes for each, and with which backends. */
import { LoadBalancer, usesMaglev, type BackendSpec } from "../cilium/agent/load-balancer.js";
import { decodeSeed, DEFAULT_WEIGHT } from "../cilium/agent/maglev.js";
import type { CiliumSettings } from "../cilium/agent/settings.js";
import type { CiliumMaps } from "../cilium/maps.js";
import { IPV4_WORDS, IPV6_WORDS, type AddressWords } from "../cilium/maps/address.js";
import {
  BACKEND_ACTIVE, SVC_FLAG_AFFINITY, SVC_FLAG_LOADBALANCER, SVC_FLAG_NODEPORT, SVC_FLAG_ROUTABLE,
} from "../cilium/maps/service-maps.js";
import type { SettledProfile } from "../cilium/profile/assumptions.js";
import { addressOf } from "./ipv6.js";
import { PROTOCOL_NUMBER } from "./populate.js";
import { WILDCARD, type Frontend, type Pod, type ServiceTopology } from "./topology.js";

/** Numbers of services are 16 bits wide. */
const REV_NAT_MAX = 0xffff;

const FLAGS_OF: Readonly<Record<Frontend["kind"], number>> = {
  cluster: 0,
  "node-port": SVC_FLAG_NODEPORT | SVC_FLAG_ROUTABLE,
  "load-balancer": SVC_FLAG_LOADBALANCER | SVC_FLAG_ROUTABLE,
};

/** A backend as the agent knows it at present. */
export interface KnownBackend {
  readonly pod: Pod;
  /** `BACKEND_*`. */
  readonly state: number;
}

export class ServiceWriter {
  /** One for each address family. */
  readonly #balancers: readonly { readonly words: AddressWords; readonly balancer: LoadBalancer }[];
  readonly #settings: CiliumSettings;

  constructor(maps: CiliumMaps, settings: CiliumSettings, profile: SettledProfile) {
    const seed = decodeSeed(settings.maglevHashSeed);
    if (typeof seed === "string") throw new RangeError(seed);
    this.#settings = settings;
    const options = {
      protocolDifferentiation: settings.lbProtoDiff,
      maglev: { tableSize: settings.maglevTableSize, seed, form: profile.loadBalancer.maglevHashString },
    };
    this.#balancers = ([IPV4_WORDS, IPV6_WORDS] as const)
      .filter((words) => maps.hasFamily(words))
      .map((words) => ({ words, balancer: new LoadBalancer(maps.family(words), maps.affinityMatch, options) }));
  }

  /** Installs or updates a service at all its addresses. Throws a `LoadBalancerMapFullError` when a map can't take it. */
  write(service: ServiceTopology, backends: readonly KnownBackend[]): void {
    for (const { words, balancer } of this.#balancers) this.#write(balancer, words, service, backends);
  }

  #write(balancer: LoadBalancer, words: AddressWords, service: ServiceTopology, backends: readonly KnownBackend[]): void {
    const { lbAlgorithm, lbExternalClusterIp } = this.#settings;
    const specs = backends.map(({ pod, state }): BackendSpec => {
      return { address: addressOf(pod.address, words), port: service.port, state, weight: DEFAULT_WEIGHT };
    });
    for (const frontend of service.frontends) {
      const outside = frontend.kind !== "cluster" || lbExternalClusterIp;
      balancer.upsert({
        address: frontend.address === WILDCARD ? new Array<number>(words).fill(0) : addressOf(frontend.address, words),
        port: frontend.port,
        protocol: PROTOCOL_NUMBER[service.protocol],
        // Each frontend of each family has a number of its own; those of IPv6 are taken from the end.
        revNatIndex: words === IPV4_WORDS ? frontend.revNatIndex : REV_NAT_MAX - frontend.revNatIndex,
        flags: FLAGS_OF[frontend.kind] | (service.affinitySeconds > 0 ? SVC_FLAG_AFFINITY : 0),
        flags2: 0,
        affinityTimeout: service.affinitySeconds,
        algorithm: 0,
        maglev: outside && usesMaglev(0, lbAlgorithm),
        backends: specs,
      });
    }
  }

  /** All services with all their backends. */
  writeAll(services: readonly ServiceTopology[]): void {
    for (const service of services) this.write(service, service.backends.map((pod) => ({ pod, state: BACKEND_ACTIVE })));
  }
}
