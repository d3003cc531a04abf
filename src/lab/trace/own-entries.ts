/**
 * The map entries that a connection's packets have made, and what becomes of them without it: evicted for somebody else
 * (told at once), or deleted by the agent (noticed at the connection's next packet).
 */
import { LruHashMap } from "../../bpf/lru-hash-map.js";
import type { BpfMap } from "../../bpf/map.js";
import { wordsOf } from "../../bpf/spec.js";
import { MapText } from "../../cilium/datapath/trace/describe.js";
import type { CiliumMaps } from "../../cilium/maps.js";
import { IPV4_WORDS, IPV6_WORDS } from "../../cilium/maps/address.js";
import type { CtMap } from "../../cilium/maps/ct-map.js";
import type { EntryFacts, MapFill } from "./result.js";

interface Entry {
  readonly map: BpfMap;
  readonly key: Int32Array;
  /** Datapath clock at which it ends, s, as of the last packet; null for maps other than conntrack. */
  lifetimeS: number | null;
}

/** Takes a sentence, and the same as data. */
export type TellEntry = (text: string, facts: EntryFacts) => void;

export class OwnEntries {
  readonly #maps: CiliumMaps;
  readonly #text: MapText;
  /** Datapath clock, s. */
  readonly #clock: { readonly now: number };
  readonly #tell: TellEntry;
  readonly #entries = new Map<string, Entry>();
  readonly #watched = new Set<BpfMap>();

  constructor(maps: CiliumMaps, clock: { readonly now: number }, tell: TellEntry) {
    this.#maps = maps;
    this.#text = new MapText(maps);
    this.#clock = clock;
    this.#tell = tell;
  }

  /** A packet of the connection has written this element. */
  remember(map: BpfMap, key: Int32Array): void {
    this.#entries.set(nameOf(map, key), { map, key: key.slice(), lifetimeS: null });
    if (map instanceof LruHashMap && !this.#watched.has(map)) this.#watchEvictions(map);
  }

  /** A packet of the connection has deleted it. */
  forget(map: BpfMap, key: Int32Array): void {
    this.#entries.delete(nameOf(map, key));
  }

  /** A packet has passed: notes until when entries live now. */
  note(): void {
    for (const entry of this.#entries.values()) {
      const ct = this.#conntrack(entry.map);
      const slot = ct === undefined ? -1 : entry.map.peek(entry.key, 0);
      if (ct !== undefined && slot >= 0) entry.lifetimeS = ct.lifetime(slot);
    }
  }

  /** Tells of entries that are gone although nobody evicted them. */
  look(): void {
    const present = new Set([...this.#maps.all()].map(([, map]) => map));
    for (const [name, { map, key, lifetimeS }] of this.#entries) {
      if (present.has(map) && map.peek(key, 0) >= 0) continue;
      this.#entries.delete(name);
      const gone = present.has(map) ? "deleted" : "recreated";
      const why = present.has(map) ? "deleted by the agent" : "lost with its map, which was made anew";
      const leftS = lifetimeS === null ? null : lifetimeS - this.#clock.now;
      this.#tell(`entry ${this.#describe(map, key)}: ${why} since the last packet`, { gone, fill: fillOf(map), leftS });
    }
  }

  #watchEvictions(map: LruHashMap): void {
    this.#watched.add(map);
    const { onEvict } = map;
    const evicted = new Int32Array(map.keyWords);
    const ct = this.#conntrack(map);
    map.onEvict = (slot) => {
      map.copyKey(slot, evicted, 0);
      if (this.#entries.delete(nameOf(map, evicted))) {
        const leftS = ct === undefined ? null : ct.lifetime(slot) - this.#clock.now;
        const text = `entry ${this.#describe(map, evicted)}: evicted for another key, it was ${this.#text.value(map, slot)}`;
        this.#tell(text, { gone: "evicted", fill: fillOf(map), leftS });
      }
      onEvict?.(slot);
    };
  }

  #conntrack(map: BpfMap): CtMap | undefined {
    const families = ([IPV4_WORDS, IPV6_WORDS] as const).filter((words) => this.#maps.hasFamily(words)).map((words) => this.#maps.family(words));
    return families.flatMap(({ ctGlobal, ctAnyGlobal }) => [ctGlobal, ctAnyGlobal]).find((ct) => ct.map === map);
  }

  #describe(map: BpfMap, key: Int32Array): string {
    return `${map.spec.name} ${this.#text.key(map, key)}`;
  }
}

/** How full a map is now. */
export function fillOf(map: BpfMap): MapFill {
  return { map: map.spec.name, entries: map.count, maxEntries: map.maxEntries };
}

function nameOf(map: BpfMap, key: Int32Array): string {
  return `${map.spec.name} ${Array.from(key.subarray(0, wordsOf(map.spec.keySize))).join(" ")}`;
}
