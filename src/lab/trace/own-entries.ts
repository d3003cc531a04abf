/**
 * The map entries that a connection's packets have made, and what becomes of them without it: evicted for somebody else
 * (told at once), or deleted by the agent (noticed at the connection's next packet).
 */
import { LruHashMap } from "../../bpf/lru-hash-map.js";
import type { BpfMap } from "../../bpf/map.js";
import { wordsOf } from "../../bpf/spec.js";
import { MapText } from "../../cilium/datapath/trace/describe.js";
import type { CiliumMaps } from "../../cilium/maps.js";

interface Entry {
  readonly map: BpfMap;
  readonly key: Int32Array;
}

export class OwnEntries {
  readonly #maps: CiliumMaps;
  readonly #text: MapText;
  readonly #tell: (text: string) => void;
  readonly #entries = new Map<string, Entry>();
  readonly #watched = new Set<BpfMap>();

  constructor(maps: CiliumMaps, tell: (text: string) => void) {
    this.#maps = maps;
    this.#text = new MapText(maps);
    this.#tell = tell;
  }

  /** A packet of the connection has written this element. */
  remember(map: BpfMap, key: Int32Array): void {
    this.#entries.set(nameOf(map, key), { map, key: key.slice() });
    if (map instanceof LruHashMap && !this.#watched.has(map)) this.#watchEvictions(map);
  }

  /** A packet of the connection has deleted it. */
  forget(map: BpfMap, key: Int32Array): void {
    this.#entries.delete(nameOf(map, key));
  }

  /** Tells of entries that are gone although nobody evicted them. */
  look(): void {
    const present = new Set([...this.#maps.all()].map(([, map]) => map));
    for (const [name, { map, key }] of this.#entries) {
      if (present.has(map) && map.peek(key, 0) >= 0) continue;
      this.#entries.delete(name);
      const why = present.has(map) ? "deleted by the agent" : "lost with its map, which was made anew";
      this.#tell(`entry ${this.#describe(map, key)}: ${why} since the last packet`);
    }
  }

  #watchEvictions(map: LruHashMap): void {
    this.#watched.add(map);
    const { onEvict } = map;
    const evicted = new Int32Array(map.keyWords);
    map.onEvict = (slot) => {
      map.copyKey(slot, evicted, 0);
      if (this.#entries.delete(nameOf(map, evicted))) {
        this.#tell(`entry ${this.#describe(map, evicted)}: evicted for another key, it was ${this.#text.value(map, slot)}`);
      }
      onEvict?.(slot);
    };
  }

  #describe(map: BpfMap, key: Int32Array): string {
    return `${map.spec.name} ${this.#text.key(map, key)}`;
  }
}

function nameOf(map: BpfMap, key: Int32Array): string {
  return `${map.spec.name} ${Array.from(key.subarray(0, wordsOf(map.spec.keySize))).join(" ")}`;
}
