/**
 * A bare datapath for function-level vectors: small maps, the vector's times, handed-in random numbers, injected insert
 * failures, and complete contents as the vectors write them.
 */

import type { BpfMap } from "../../../bpf/map.js";
import { DEFAULT_CONNTRACK, DEFAULT_DATAPATH } from "../../../cilium/datapath/config.js";
import type { DatapathConfig } from "../../../cilium/datapath/config.js";
import { Datapath } from "../../../cilium/datapath/datapath.js";
import { NO_EVENTS } from "../../../cilium/datapath/events.js";
import { OP_CT_LOOKUP, OP_CT_UPDATE, OP_NAT_LOOKUP, OP_NAT_UPDATE } from "../../../cilium/datapath/ops.js";
import { CiliumMaps, DEFAULT_MAP_OPTIONS } from "../../../cilium/maps.js";
import { IPV4_WORDS, ipv4 } from "../../../cilium/maps/address.js";
import type { CtMap } from "../../../cilium/maps/ct-map.js";
import { tupleWords } from "../../../cilium/maps/tuple.js";
import { ctEntryFields, forEachElement, keyOf, natEntryFields, rawHex } from "../map-entries.js";

const HOST = { possibleCpus: 1, refill: "scaled" } as const;
/** Enough for every vector: nothing is evicted. */
const ENTRIES = 4096;

/** `config` of a vector. */
export interface VectorConfig {
  readonly tcpLifetime?: number | undefined;
  readonly anyLifetime?: number | undefined;
  readonly svcTcpLifetime?: number | undefined;
  readonly svcAnyLifetime?: number | undefined;
  readonly synTimeout?: number | undefined;
  readonly closeTimeout?: number | undefined;
  readonly serviceCloseRebalance?: number | undefined;
  readonly reportInterval?: number | undefined;
  readonly reportFlags?: number | undefined;
}

/** The datapath's configuration with a vector's times. */
export function withTimes(base: DatapathConfig, config: VectorConfig): DatapathConfig {
  const defaults = DEFAULT_CONNTRACK;
  return {
    ...base,
    conntrack: {
      ...base.conntrack,
      tcp: config.tcpLifetime ?? defaults.tcp,
      any: config.anyLifetime ?? defaults.any,
      serviceTcp: config.svcTcpLifetime ?? defaults.serviceTcp,
      serviceAny: config.svcAnyLifetime ?? defaults.serviceAny,
      syn: config.synTimeout ?? defaults.syn,
      close: config.closeTimeout ?? defaults.close,
      serviceGrace: config.serviceCloseRebalance ?? defaults.serviceGrace,
      reportInterval: config.reportInterval ?? defaults.reportInterval,
      reportFlags: config.reportFlags ?? defaults.reportFlags,
    },
  };
}

export class Bench {
  readonly maps: CiliumMaps;
  readonly datapath: Datapath;
  signals: string[] = [];
  /** What every draw returns. */
  random = 0;
  draws = 0;

  constructor(config: VectorConfig, base: DatapathConfig = DEFAULT_DATAPATH, entries = ENTRIES, accounting = false) {
    const size = { maxEntries: entries };
    this.maps = new CiliumMaps(
      {
        ...DEFAULT_MAP_OPTIONS,
        ctCounters: accounting ? "single" : "none",
        overrides: { ct4_global: size, ct_any4_global: size, snat_v4_external: size, nodeport_neigh4: size },
      },
      HOST,
    );
    this.datapath = new Datapath(this.maps, withTimes(base, config), {
      events: NO_EVENTS,
      random: () => {
        this.draws++;
        return this.random;
      },
      signal: (type) => this.signals.push(type === 0 ? "nat_fill_up" : "ct_fill_up"),
    });
  }

  /** Forgets counts and signals of earlier steps. */
  begin(t: number): void {
    this.datapath.now = Math.floor(t);
    this.datapath.ops.fill(0);
    this.datapath.extError = 0;
    this.signals = [];
    this.draws = 0;
  }

  get lookups(): number {
    const { ops } = this.datapath;
    return ops[OP_CT_LOOKUP]! + ops[OP_NAT_LOOKUP]!;
  }
  get updates(): number {
    const { ops } = this.datapath;
    return ops[OP_CT_UPDATE]! + ops[OP_NAT_UPDATE]!;
  }

  /** A conntrack or NAT map by name. */
  mapNamed(name: string): BpfMap | undefined {
    if (name !== "ct4_global" && name !== "ct_any4_global" && name !== "snat_v4_external") return undefined;
    return this.maps.get(name);
  }

  /** From now on every insert into that map returns `errno`. */
  failInserts(name: string, errno: number): boolean {
    const map = this.mapNamed(name);
    if (map === undefined) return false;
    map.update = () => errno;
    return true;
  }

  /** Everything in the conntrack and NAT maps: one text for each element, sorted. */
  contents(): string[] {
    const family = this.maps.family(IPV4_WORDS);
    const words = tupleWords(IPV4_WORDS);
    const lines: string[] = [];
    const readCt = (map: string, ct: CtMap): void =>
      forEachElement(ct.map, words, (row, slot) => lines.push(elementText({ map, key: keyOf(row, IPV4_WORDS), entry: ctEntryFields(ct, slot) })));
    readCt("ct4_global", family.ctGlobal);
    readCt("ct_any4_global", family.ctAnyGlobal);
    const nat = family.snatExternal;
    forEachElement(nat.map, words, (row, slot) =>
      lines.push(elementText({ map: "snat_v4_external", key: keyOf(row, IPV4_WORDS), nat: natEntryFields(nat, slot) })),
    );
    return lines.sort();
  }
}

export interface Element {
  readonly map: string;
  readonly key: { daddr: string; saddr: string; dport: number; sport: number; proto: string; type: string; rawHex?: string | undefined };
  readonly entry?: object | undefined;
  readonly nat?: object | undefined;
}

/** An element as one line: map, key with its bytes, value; fields and flags in a fixed order. */
export function elementText({ map, key, entry, nat }: Element): string {
  const { rawHex: recordedHex, ...fields } = key;
  const type = typeName(key.type);
  const hex = recordedHex ?? rawHex({ ...fields, type });
  return `${map} ${hex} ${canonical({ ...fields, type })} ${canonical(entry ?? nat ?? {})}`;
}

/** `OUT|RELATED` of the vectors is `RELATED_OUT` elsewhere. */
export function typeName(type: string): string {
  return type.endsWith("|RELATED") ? `RELATED_${type.slice(0, -"|RELATED".length)}` : type;
}

function canonical(value: object): string {
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(Object.fromEntries(fields.map(([name, field]) => [name, Array.isArray(field) ? [...field].sort() : field])));
}

/** `address:port` in parts. Throws a `RangeError` when it is none. */
export function parseEndpoint(text: string): { address: number; port: number } {
  const match = /^([\d.]+):(\d{1,5})$/.exec(text);
  if (match === null) throw new RangeError(`${text} is no address with port`);
  return { address: ipv4(match[1]!), port: Number(match[2]) };
}
