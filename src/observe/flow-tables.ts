/**
 * What an agent knows about addresses when it turns an event into a flow, prepared once: endpoints, identities,
 * services, interfaces. Stands for pkg/hubble/parser/common/endpoint.go (`EndpointResolver`) with the caches behind it.
 */
import { formatAddress, IPV4_WORDS, type AddressWords } from "../cilium/maps/address.js";
import { goString } from "./flow-text.js";
import { piece, type Piece } from "./line-bytes.js";

/** A pod, the host, another node: whoever owns an address. */
export interface FlowEndpoint {
  /** IPv4: one word in network byte order; IPv6: four. */
  readonly address: readonly number[];
  /** Of its other family. */
  readonly otherAddress?: readonly number[];
  /** Number of the node that it is, or that it is on; 0: the reporting one. Absent where nobody knows. */
  readonly node?: number;
  /** Endpoint number; 0 for everything that is no endpoint of the reporting node. */
  readonly id: number;
  readonly identity: number;
  /** From 1.16 on. */
  readonly clusterName?: string;
  readonly namespace?: string;
  readonly podName?: string;
  /** With source prefix (`k8s:app=web`), sorted; default those of the identity. */
  readonly labels?: readonly string[];
  /** Of its container, the only thing that traces of sockets say of their process; known for endpoints of the reporting node only. */
  readonly cgroupId?: number;
  /** Known for endpoints of the reporting node only. */
  readonly workloads?: readonly { readonly name: string; readonly kind: string }[];
}

export interface FlowService {
  readonly address: readonly number[];
  /** Of its other family. */
  readonly otherAddress?: readonly number[];
  readonly port: number;
  readonly name: string;
  readonly namespace: string;
}

export interface FlowTablesInput {
  readonly endpoints: readonly FlowEndpoint[];
  readonly services: readonly FlowService[];
  /** Labels of identities; the reserved ones are known. */
  readonly identityLabels?: ReadonlyMap<number, readonly string[]>;
  /** Names of network devices by index. */
  readonly interfaces?: ReadonlyMap<number, string>;
  /** The node has both families: the world has an identity for each. */
  readonly dualStack?: boolean;
}

/** No endpoint or service has that address. */
export const NOBODY = -1;

/** Reserved identities and their labels: pkg/identity/numericidentity.go, pkg/labels. */
const RESERVED_LABELS: readonly (readonly [identity: number, label: string])[] = [
  [1, "reserved:host"],
  [2, "reserved:world"],
  [3, "reserved:unmanaged"],
  [4, "reserved:health"],
  [5, "reserved:init"],
  [6, "reserved:remote-node"],
  [7, "reserved:kube-apiserver"],
  [8, "reserved:ingress"],
  [9, "reserved:world-ipv4"],
  [10, "reserved:world-ipv6"],
];

/** Whoever no table knows: the world, and on nodes with two families the world of each. */
const WORLD = 2;
const WORLD_IPV4 = 9;
const WORLD_IPV6 = 10;
/** Ports fit below this; an address and a port make one exact number. */
const PORT_SPAN = 0x10000;

export class FlowTables {
  readonly #endpoints: readonly FlowEndpoint[];
  readonly #ids: Int32Array;
  readonly #byAddress: ReadonlyMap<number | string, number>;
  readonly #byFrontend: ReadonlyMap<number | string, number>;
  readonly #labels: ReadonlyMap<number, readonly string[]>;
  readonly #interfaces: ReadonlyMap<number, string>;
  readonly #serviceJson: readonly string[];
  /** Rendered endpoints by (endpoint + 1) and identity. */
  readonly #endpointPieces: Map<number, Piece>[] = [];
  readonly #addressText = new Map<number, string>();
  readonly #dualStack: boolean;
  /** Names that endpoints have looked up, by endpoint number and address, with the moment until which they hold, ns. */
  readonly #names = new Map<string, Map<string, number>>();

  constructor(input: FlowTablesInput) {
    this.#endpoints = input.endpoints;
    this.#ids = Int32Array.from(input.endpoints, ({ id }) => id);
    this.#byAddress = new Map(
      input.endpoints.flatMap((endpoint, index) => addressesOf(endpoint).map((each) => [addressKey(each, 0, familyOf(each)), index] as const)),
    );
    this.#byFrontend = new Map(
      input.services.flatMap((service, index) => addressesOf(service).map((each) => [frontendKey(each, 0, familyOf(each), service.port), index] as const)),
    );
    this.#labels = new Map([
      ...RESERVED_LABELS.map(([identity, label]) => [identity, [label]] as const),
      ...(input.identityLabels ?? []),
    ]);
    this.#dualStack = input.dualStack ?? false;
    this.#interfaces = input.interfaces ?? new Map<number, string>();
    this.#serviceJson = input.services.map(({ name, namespace }) =>
      object([
        ["name", goString(name)],
        ["namespace", goString(namespace)],
      ]),
    );
  }

  /** Index of the endpoint with that address, `NOBODY` when there is none. */
  endpointAt(words: ArrayLike<number>, at: number, family: AddressWords): number {
    return this.#byAddress.get(addressKey(words, at, family)) ?? NOBODY;
  }

  /** Endpoint number by index; 0 when it is nobody or not local. */
  endpointId(index: number): number {
    return index === NOBODY ? 0 : this.#ids[index]!;
  }

  /** Identity of addresses that nobody has. */
  worldIdentity(family: AddressWords): number {
    if (!this.#dualStack) return WORLD;
    return family === IPV4_WORDS ? WORLD_IPV4 : WORLD_IPV6;
  }

  /** JSON of an endpoint as the event saw it; the event's identity wins over the table's unless it is 0 (unknown). */
  endpointPiece(index: number, identity: number): Piece {
    const rendered = (this.#endpointPieces[index + 1] ??= new Map<number, Piece>());
    let json = rendered.get(identity);
    if (json === undefined) {
      json = piece(this.#renderEndpoint(index, identity));
      rendered.set(identity, json);
    }
    return json;
  }

  /** An endpoint by its index. */
  endpoint(index: number): FlowEndpoint {
    return this.#endpoints[index]!;
  }

  /** Labels of an end as the event saw it: those of the event's identity, or of the endpoint when the event has none. */
  labelsSeen(index: number, seenIdentity: number): readonly string[] {
    const endpoint = index === NOBODY ? undefined : this.#endpoints[index]!;
    const identity = seenIdentity === 0 ? (endpoint?.identity ?? 0) : seenIdentity;
    return (identity === endpoint?.identity ? endpoint.labels : undefined) ?? this.#labels.get(identity) ?? [];
  }

  #renderEndpoint(index: number, seenIdentity: number): string {
    const endpoint = index === NOBODY ? undefined : this.#endpoints[index]!;
    const identity = seenIdentity === 0 ? (endpoint?.identity ?? 0) : seenIdentity;
    const labels = this.labelsSeen(index, seenIdentity);
    return object([
      ["ID", numberOrNothing(endpoint?.id ?? 0)],
      ["identity", numberOrNothing(identity)],
      ["cluster_name", textOrNothing(endpoint?.clusterName)],
      ["namespace", textOrNothing(endpoint?.namespace)],
      ["labels", listOrNothing(labels.map(goString))],
      ["pod_name", textOrNothing(endpoint?.podName)],
      ["workloads", listOrNothing((endpoint?.workloads ?? []).map(workloadJson))],
    ]);
  }

  /** Index of the service with that frontend, `NOBODY` when there is none. */
  serviceAt(words: ArrayLike<number>, at: number, family: AddressWords, port: number): number {
    if (this.#byFrontend.size === 0) return NOBODY;
    return this.#byFrontend.get(frontendKey(words, at, family, port)) ?? NOBODY;
  }

  /** False as long as nobody has looked up a name. */
  get knowsNames(): boolean {
    return this.#names.size > 0;
  }

  /** The DNS proxy has seen an answer: pkg/fqdn/cache.go `DNSCache.Update`, each endpoint's own. `name`: without its last dot. */
  learnName(endpointId: number, address: string, name: string, untilNs: number): void {
    const key = `${endpointId} ${address}`;
    let names = this.#names.get(key);
    if (names === undefined) {
      names = new Map();
      this.#names.set(key, names);
    }
    names.set(name, untilNs);
  }

  /** Names of an address in the history of an endpoint, sorted: `GetNamesOf`. */
  namesOf(endpointId: number, words: ArrayLike<number>, at: number, family: AddressWords, nowNs: number): readonly string[] {
    if (endpointId === 0) return [];
    const names = this.#names.get(`${endpointId} ${this.addressText(words, at, family)}`);
    if (names === undefined) return [];
    return [...names].filter(([, untilNs]) => untilNs > nowNs).map(([name]) => name).sort();
  }

  serviceJson(index: number): string {
    return this.#serviceJson[index]!;
  }

  /** JSON of a device; unnamed ones keep their index. */
  interfaceJson(ifindex: number): string {
    return object([
      ["index", numberOrNothing(ifindex)],
      ["name", textOrNothing(this.#interfaces.get(ifindex))],
    ]);
  }

  /** An address as text; IPv4 ones are remembered. */
  addressText(words: ArrayLike<number>, at: number, family: AddressWords): string {
    if (family !== IPV4_WORDS) return formatAddress(words, at, family);
    const word = words[at]!;
    let text = this.#addressText.get(word);
    if (text === undefined) {
      text = formatAddress(words, at, family);
      this.#addressText.set(word, text);
    }
    return text;
  }
}

function addressesOf({ address, otherAddress }: Pick<FlowEndpoint, "address" | "otherAddress">): readonly (readonly number[])[] {
  return otherAddress === undefined ? [address] : [address, otherAddress];
}

function familyOf(address: readonly number[]): AddressWords {
  return address.length === IPV4_WORDS ? IPV4_WORDS : 4;
}

function addressKey(words: ArrayLike<number>, at: number, family: AddressWords): number | string {
  return family === IPV4_WORDS ? words[at]! : formatAddress(words, at, family);
}

function frontendKey(words: ArrayLike<number>, at: number, family: AddressWords, port: number): number | string {
  return family === IPV4_WORDS ? words[at]! * PORT_SPAN + port : `${formatAddress(words, at, family)}/${port}`;
}

/** A JSON object from rendered members; empty ones are left out. */
export function object(members: readonly (readonly [name: string, json: string])[]): string {
  return `{${members
    .filter(([, json]) => json !== "")
    .map(([name, json]) => `"${name}":${json}`)
    .join(",")}}`;
}

function numberOrNothing(value: number): string {
  return value === 0 ? "" : String(value);
}

function textOrNothing(text: string | undefined): string {
  return text === undefined || text === "" ? "" : goString(text);
}

function listOrNothing(items: readonly string[]): string {
  return items.length === 0 ? "" : `[${items.join(",")}]`;
}

function workloadJson({ name, kind }: { readonly name: string; readonly kind: string }): string {
  return object([
    ["name", textOrNothing(name)],
    ["kind", textOrNothing(kind)],
  ]);
}
