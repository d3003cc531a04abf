/**
 * A node's maps: what datapath and agent share, and the only thing they share.
 *
 * `CiliumMaps` creates every map at its resolved size and gives it a typed view (`ct4Global.lifetime(slot)`). Program
 * and agent use the same views; whether an access marks an LRU element is decided by the map operation they call
 * (`lookup` from programs, `peek` from user space).
 */

import { createMap } from "../bpf/create.js";
import type { BpfMap } from "../bpf/map.js";
import type { MapHost, MapSpec } from "../bpf/spec.js";
import { IPV4_WORDS, IPV6_WORDS } from "./maps/address.js";
import type { AddressWords } from "./maps/address.js";
import { CtMap, ctStoredWords } from "./maps/ct-map.js";
import type { CtCounters } from "./maps/ct-map.js";
import { CILIUM_MAPS, mapSpec, POLICY_MAP_MAX, policyMapSpec } from "./maps/definitions.js";
import type { CiliumMapName, MapFlavour, MapOverride } from "./maps/definitions.js";
import { EndpointMap, IpcacheMap } from "./maps/identity-maps.js";
import { maglevInnerSpec, MaglevMap } from "./maps/maglev-map.js";
import { NatMap } from "./maps/nat-map.js";
import { EgressGatewayMap, FragmentMap, IpMasqMap, NeighbourMap, ThrottleMap } from "./maps/other-maps.js";
import { PolicyMap } from "./maps/policy-map.js";
import { AffinityMap, AffinityMatchMap, BackendMap, ReverseNatMap, ReverseSkMap, ServiceMap, SourceRangeMap } from "./maps/service-maps.js";

/** How a node's maps are made. */
export interface CiliumMapOptions {
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  readonly flavour: MapFlavour;
  /** Sizes and whatever else departs from the definitions, by map name. */
  readonly overrides?: Readonly<Partial<Record<CiliumMapName, MapOverride>>>;
  /** Counters of conntrack entries: "rx-tx" in 1.14 and 1.15, else "single" with accounting and "none" without. */
  readonly ctCounters: CtCounters;
  /** 1.19: DSR keeps the service address in the conntrack entry too. */
  readonly ctNatAddress: boolean;
  /** `cilium_policy_v2_` from 1.17, `cilium_policy_` before. */
  readonly policyNamePrefix: string;
  /** 24, from 1.18 8. */
  readonly policyValueSize: 8 | 24;
  readonly policyMaxEntries?: number;
  /** Length of Maglev tables; default 16381. */
  readonly maglevTableSize?: number;
  /** Makes a map that stands in for the one specified, or null: it is made as it is. */
  readonly standIn?: (spec: MapSpec, host: MapHost) => BpfMap | null;
}

/** `bpf-lb-maglev-table-size`. */
const MAGLEV_TABLE_SIZE = 16381;

/** Options of a v1.17 node with IPv4 only and default sizes. */
export const DEFAULT_MAP_OPTIONS: CiliumMapOptions = {
  ipv4: true,
  ipv6: false,
  flavour: { preallocate: false, distributedLru: false },
  ctCounters: "none",
  ctNatAddress: false,
  policyNamePrefix: "cilium_policy_v2_",
  policyValueSize: 24,
};

/** The maps of one address family. */
export interface FamilyMaps {
  readonly addressWords: AddressWords;
  /** TCP. */
  readonly ctGlobal: CtMap;
  /** All other protocols, and every RELATED entry. */
  readonly ctAnyGlobal: CtMap;
  readonly snatExternal: NatMap;
  readonly services: ServiceMap;
  readonly backends: BackendMap;
  readonly reverseNat: ReverseNatMap;
  readonly maglev: MaglevMap;
  readonly affinity: AffinityMap;
  readonly sourceRange: SourceRangeMap;
  readonly reverseSk: ReverseSkMap;
  readonly neighbours: NeighbourMap;
  readonly fragments: FragmentMap;
  readonly ipMasq: IpMasqMap;
}

/** Maps of connections: those that can be made anew while a node goes on. */
export const RECREATABLE = [
  "ct4_global", "ct_any4_global", "snat_v4_external", "ct6_global", "ct_any6_global", "snat_v6_external",
] as const satisfies readonly CiliumMapName[];
export type RecreatableMap = (typeof RECREATABLE)[number];

export class CiliumMaps {
  declare readonly options: CiliumMapOptions;
  declare readonly host: MapHost;
  readonly #byName = new Map<CiliumMapName, BpfMap>();
  readonly #policies = new Map<number, PolicyMap>();
  /** How often a map was made anew. */
  recreations = 0;
  readonly #v4: FamilyMaps | undefined;
  readonly #v6: FamilyMaps | undefined;

  declare readonly ipcache: IpcacheMap;
  /** `cilium_lxc`: local endpoints by address. */
  declare readonly endpoints: EndpointMap;
  declare readonly affinityMatch: AffinityMatchMap;
  declare readonly egressGateway: EgressGatewayMap;
  declare readonly throttle: ThrottleMap;

  constructor(options: CiliumMapOptions, host: MapHost) {
    this.options = options;
    this.host = host;
    this.ipcache = new IpcacheMap(this.#create("ipcache"));
    this.endpoints = new EndpointMap(this.#create("lxc"));
    this.affinityMatch = new AffinityMatchMap(this.#create("lb_affinity_match"));
    this.egressGateway = new EgressGatewayMap(this.#create("egress_gw_policy_v4"));
    this.throttle = new ThrottleMap(this.#create("throttle"));
    if (options.ipv4) this.#v4 = this.#createFamily(IPV4_WORDS);
    if (options.ipv6) this.#v6 = this.#createFamily(IPV6_WORDS);
  }

  /** Maps of a family; throws when the family is off. */
  family(addressWords: AddressWords): FamilyMaps {
    const maps = addressWords === IPV4_WORDS ? this.#v4 : this.#v6;
    if (maps === undefined) throw new RangeError(`IPv${addressWords === IPV4_WORDS ? 4 : 6} is disabled: it has no maps`);
    return maps;
  }

  hasFamily(addressWords: AddressWords): boolean {
    return (addressWords === IPV4_WORDS ? this.#v4 : this.#v6) !== undefined;
  }

  get ct4Global(): CtMap {
    return this.family(IPV4_WORDS).ctGlobal;
  }
  get ctAny4Global(): CtMap {
    return this.family(IPV4_WORDS).ctAnyGlobal;
  }
  get ct6Global(): CtMap {
    return this.family(IPV6_WORDS).ctGlobal;
  }
  get ctAny6Global(): CtMap {
    return this.family(IPV6_WORDS).ctAnyGlobal;
  }
  get snatV4External(): NatMap {
    return this.family(IPV4_WORDS).snatExternal;
  }
  get snatV6External(): NatMap {
    return this.family(IPV6_WORDS).snatExternal;
  }
  get lb4Services(): ServiceMap {
    return this.family(IPV4_WORDS).services;
  }
  get lb4Backends(): BackendMap {
    return this.family(IPV4_WORDS).backends;
  }
  get lb4ReverseSk(): ReverseSkMap {
    return this.family(IPV4_WORDS).reverseSk;
  }

  /** The plain map of that name; undefined when this node has none (family off). */
  get(name: CiliumMapName): BpfMap | undefined {
    return this.#byName.get(name);
  }

  /**
   * A conntrack or NAT map is created anew at another size, empty, as an agent does at its start when the pinned one does
   * not fit (`OpenOrCreate` of pkg/bpf). The view stays the same object and shows the new map.
   */
  recreate(name: RecreatableMap, maxEntries: number): void {
    const view = this.#connectionView(name);
    const map = this.#make({ ...view.map.spec, maxEntries });
    view.attach(map);
    this.recreations++;
    this.#byName.set(name, map);
  }

  #connectionView(name: RecreatableMap): CtMap | NatMap {
    switch (name) {
      case "ct4_global":
        return this.ct4Global;
      case "ct_any4_global":
        return this.ctAny4Global;
      case "snat_v4_external":
        return this.snatV4External;
      case "ct6_global":
        return this.ct6Global;
      case "ct_any6_global":
        return this.ctAny6Global;
      case "snat_v6_external":
        return this.snatV6External;
    }
  }

  /** Every map but the endpoints' policies, with its name, in the order of the definitions. */
  *all(): Iterable<readonly [CiliumMapName, BpfMap]> {
    for (const name of Object.keys(CILIUM_MAPS) as CiliumMapName[]) {
      const map = this.#byName.get(name);
      if (map !== undefined) yield [name, map];
    }
  }

  /** The policy map of an endpoint, made on first use. */
  policy(endpointId: number): PolicyMap {
    let policy = this.#policies.get(endpointId);
    if (policy === undefined) {
      const { policyNamePrefix, policyValueSize, policyMaxEntries } = this.options;
      const spec = policyMapSpec(policyNamePrefix, endpointId, policyValueSize, policyMaxEntries ?? POLICY_MAP_MAX);
      policy = new PolicyMap(createMap(spec, this.host));
      this.#policies.set(endpointId, policy);
    }
    return policy;
  }

  /** Policy maps by endpoint id, in the order they were made. */
  policies(): Iterable<readonly [number, PolicyMap]> {
    return this.#policies;
  }

  removePolicy(endpointId: number): void {
    this.#policies.delete(endpointId);
  }

  #make(spec: MapSpec): BpfMap {
    return this.options.standIn?.(spec, this.host) ?? createMap(spec, this.host);
  }

  #create(name: CiliumMapName): BpfMap {
    const map = this.#make(mapSpec(name, this.options.flavour, this.options.overrides?.[name]));
    this.#byName.set(name, map);
    return map;
  }

  #createCt(name: CiliumMapName, addressWords: AddressWords): CtMap {
    const { ctCounters, ctNatAddress, overrides, flavour } = this.options;
    const storedWords = ctStoredWords(ctCounters, ctNatAddress ? addressWords : 0);
    const override: MapOverride = { storedWords, ...overrides?.[name] };
    const map = this.#make(mapSpec(name, flavour, override));
    this.#byName.set(name, map);
    return new CtMap(map, ctCounters);
  }

  #createMaglev(name: CiliumMapName): MaglevMap {
    const { overrides, flavour, maglevTableSize } = this.options;
    const inner = maglevInnerSpec(maglevTableSize ?? MAGLEV_TABLE_SIZE);
    const map = createMap(mapSpec(name, flavour, { inner, ...overrides?.[name] }), this.host);
    this.#byName.set(name, map);
    return new MaglevMap(map);
  }

  #createFamily(addressWords: AddressWords): FamilyMaps {
    const v4 = addressWords === IPV4_WORDS;
    const n = addressWords;
    return {
      addressWords,
      ctGlobal: this.#createCt(v4 ? "ct4_global" : "ct6_global", n),
      ctAnyGlobal: this.#createCt(v4 ? "ct_any4_global" : "ct_any6_global", n),
      snatExternal: new NatMap(this.#create(v4 ? "snat_v4_external" : "snat_v6_external"), n),
      services: new ServiceMap(this.#create(v4 ? "lb4_services_v2" : "lb6_services_v2"), n),
      backends: new BackendMap(this.#create(v4 ? "lb4_backends_v3" : "lb6_backends_v3"), n),
      reverseNat: new ReverseNatMap(this.#create(v4 ? "lb4_reverse_nat" : "lb6_reverse_nat"), n),
      maglev: this.#createMaglev(v4 ? "lb4_maglev" : "lb6_maglev"),
      affinity: new AffinityMap(this.#create(v4 ? "lb4_affinity" : "lb6_affinity"), n),
      sourceRange: new SourceRangeMap(this.#create(v4 ? "lb4_source_range" : "lb6_source_range"), n),
      reverseSk: new ReverseSkMap(this.#create(v4 ? "lb4_reverse_sk" : "lb6_reverse_sk"), n),
      neighbours: new NeighbourMap(this.#create(v4 ? "nodeport_neigh4" : "nodeport_neigh6"), n),
      fragments: new FragmentMap(this.#create(v4 ? "ipv4_frag_datagrams" : "ipv6_frag_datagrams"), n),
      ipMasq: new IpMasqMap(this.#create(v4 ? "ipmasq_v4" : "ipmasq_v6"), n),
    };
  }
}
