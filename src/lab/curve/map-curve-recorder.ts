/**
 * Follows one map through a run, and lets maps of other sizes do the same beside it: what the programs look up, write and
 * delete in the real one, each of them is asked too, with the kernel's own algorithm.
 *
 * Of large maps a sample of the elements is followed, chosen by the hash of their keys, in maps that are smaller by the
 * same share and have fewer CPUs by it: spatial sampling (C. Waldspurger et al., Efficient MRC Construction with SHARDS,
 * 2015). Stack distances, from which such curves are usually taken, hold for a perfect LRU; the kernel's evicts as much
 * as a perfect one of 0.77 to 0.89 of its size.
 *
 * An entry that a smaller map has evicted is made anew when the next packet asks for it; one that was refused, when its SYN
 * is sent again, and the refusal wakes a collector. Otherwise traffic and collection are those of the run, while in truth
 * connections that wait end later: where a map refuses much of what is offered, the curve has too few refusals (the size at
 * which they begin is right within 4 %).
 */
import { HashMap } from "../../bpf/hash-map.js";
import { LruHashMap } from "../../bpf/lru-hash-map.js";
import { MapType, type MapHost, type MapSpec } from "../../bpf/spec.js";
import type { CtMap } from "../../cilium/maps/ct-map.js";
import type { ReferenceMap, UseListener } from "./reference-map.js";
import type { CurvePoint, MapCurve } from "./result.js";
import { Retries } from "./retries.js";

/** 2^32 over the golden ratio, odd: spreads hashes before a sample is taken of them. */
const GOLDEN = 0x9e3779b1;
/** The one value word that shadows hold: the element's slot in the followed map. */
const SLOT_WORD = 0;
const SLOT_BYTES = 4;
const NO_PASS = Infinity;

interface Shadow {
  /** Of maps that refuse. */
  readonly retries: Retries | null;
  /** When the pass of the collector that a refusal called for is through, ns; `NO_PASS`: none is under way. */
  passEndsNs: number;
  /** Size that it stands for. */
  readonly maxEntries: number;
  readonly map: HashMap | LruHashMap;
  refused: number;
  /** While it was filled. */
  evictionsBefore: number;
  evictionsLive: number;
  missed: number;
}

export interface CurveSubject {
  readonly map: ReferenceMap;
  /** The map's view when its entries have lifetimes, else null. */
  readonly ct: CtMap | null;
  /** The datapath's. */
  readonly clock: () => number;
  readonly host: MapHost;
  /** Sizes to follow. */
  readonly ladder: readonly number[];
  /** How many elements to follow, about, in a map of the node's own size. */
  readonly sample: number;
  /** When a refused packet is sent again, ns after its first time. */
  readonly retryNs: readonly number[];
  /** What the collector takes for an entry, ns. */
  readonly gcEntryNs: number;
  readonly simulation: { readonly now: number };
}

export class MapCurveRecorder implements UseListener {
  readonly #map: ReferenceMap;
  /** Hash bits that are zero in those followed. */
  readonly #sampleBits: number;
  readonly #cpus: number;
  readonly #shadows: readonly Shadow[];
  readonly #gcEntryNs: number;
  readonly #simulation: { readonly now: number };
  /** Raised when an element leaves its slot. */
  readonly #stamps: Int32Array;
  readonly #isLive: (slot: number) => boolean;
  #peak: number;
  #made = 0;

  /** The node is complete: shadows begin with what the map begins with. */
  constructor({ map, ct, clock, host, ladder, sample, retryNs, gcEntryNs, simulation }: CurveSubject) {
    this.#map = map;
    this.#gcEntryNs = gcEntryNs;
    this.#simulation = simulation;
    this.#stamps = new Int32Array(map.room + 2);
    this.#isLive = ct === null ? () => false : (slot) => ct.lifetime(slot) >= clock();
    this.#peak = map.count;
    this.#sampleBits = Math.max(0, Math.ceil(Math.log2(map.maxEntries / sample)));
    this.#cpus = Math.max(1, Math.round(host.possibleCpus * 2 ** -this.#sampleBits));
    const there = map.slots();
    const followed = there.filter((slot) => this.#isSampled(slot));
    this.#shadows = [...ladder]
      .sort((a, b) => a - b)
      // A map that refuses, and is full from the start, says nothing about the load.
      .filter((size) => map.spec.type === MapType.lruHash || size > there.length)
      .map((size) => this.#shadow(size, this.#sampledSize(size, there.length, followed.length), { ...host, possibleCpus: this.#cpus }, retryNs));
    for (const shadow of this.#shadows) this.#fill(shadow, followed);
    map.listener = this;
  }

  added(slot: number, cpu: number): void {
    this.#made++;
    if (this.#map.count > this.#peak) this.#peak = this.#map.count;
    if (!this.#isSampled(slot)) return;
    const { now } = this.#simulation;
    for (const shadow of this.#shadows) {
      this.#catchUp(shadow, now, cpu);
      if (!this.#write(shadow, slot, cpu)) shadow.retries?.refused(slot, this.#stamps[slot]!, now, 0);
    }
  }

  used(slot: number, cpu: number): void {
    if (!this.#isSampled(slot)) return;
    const at = slot * this.#map.stride;
    for (const shadow of this.#shadows) {
      if (shadow.map.lookup(this.#map.rows, at) >= 0) continue;
      shadow.missed++;
      if (shadow.map instanceof LruHashMap) this.#write(shadow, slot, cpu);
    }
  }

  replaced(slot: number, cpu: number): void {
    if (this.#isSampled(slot)) for (const shadow of this.#shadows) this.#write(shadow, slot, cpu);
  }

  removed(slot: number, cpu: number): void {
    this.#stamps[slot]!++;
    if (!this.#isSampled(slot)) return;
    const at = slot * this.#map.stride;
    for (const { map } of this.#shadows) map.remove(this.#map.rows, at, cpu % this.#cpus);
  }

  finish(): MapCurve {
    const { spec, maxEntries, overflows } = this.#map;
    return {
      name: spec.name,
      type: spec.type === MapType.lruHash ? "lru_hash" : "hash",
      maxEntries,
      share: 2 ** -this.#sampleBits,
      made: this.#made,
      peak: this.#peak,
      overflows,
      points: this.#shadows.map((shadow) => this.#point(shadow)),
    };
  }

  /** What is due in a map that refuses: the end of a pass, then packets sent again. */
  #catchUp(shadow: Shadow, nowNs: number, cpu: number): void {
    if (shadow.passEndsNs <= nowNs) {
      shadow.passEndsNs = NO_PASS;
      this.#collect(shadow, cpu);
    }
    shadow.retries?.due(nowNs, (slot, stamp) => this.#stamps[slot] === stamp && !this.#write(shadow, slot, cpu));
  }

  #shadow(maxEntries: number, sampled: number, host: MapHost, retryNs: readonly number[]): Shadow {
    const { spec } = this.#map;
    const own: MapSpec = { ...spec, maxEntries: sampled, valueSize: SLOT_BYTES, storedWords: [SLOT_WORD] };
    const evicts = spec.type === MapType.lruHash;
    const shadow: Shadow = {
      maxEntries,
      map: evicts ? new LruHashMap(own, host) : new HashMap(own),
      retries: evicts ? null : new Retries(retryNs),
      passEndsNs: NO_PASS,
      refused: 0,
      evictionsBefore: 0,
      evictionsLive: 0,
      missed: 0,
    };
    if (shadow.map instanceof LruHashMap) {
      shadow.map.onEvict = (slot) => {
        if (this.#isLive(shadow.map.word(slot, SLOT_WORD))) shadow.evictionsLive++;
      };
    }
    return shadow;
  }

  /** What a sample holds of the elements there are is known; of those to come it holds its share. */
  #sampledSize(maxEntries: number, there: number, followed: number): number {
    const share = 2 ** -this.#sampleBits;
    const size = maxEntries > there ? followed + (maxEntries - there) * share : (maxEntries * followed) / there;
    return Math.max(1, Math.round(size));
  }

  /** Puts in what is there, the oldest first. */
  #fill(shadow: Shadow, slots: readonly number[]): void {
    for (const slot of slots) this.#write(shadow, slot, slot);
    shadow.refused = 0;
    shadow.evictionsBefore = evictionsOf(shadow.map);
    shadow.evictionsLive = 0;
    shadow.passEndsNs = NO_PASS;
  }

  /** Whether there was room. */
  #write(shadow: Shadow, slot: number, cpu: number): boolean {
    const made = shadow.map.update(this.#map.rows, slot * this.#map.stride, 0, cpu % this.#cpus);
    if (made < 0) this.#refuse(shadow);
    else shadow.map.setWord(made, SLOT_WORD, slot);
    return made >= 0;
  }

  /** The fill-up signal wakes the collector, unless it is awake. */
  #refuse(shadow: Shadow): void {
    shadow.refused++;
    if (shadow.passEndsNs !== NO_PASS) return;
    shadow.passEndsNs = this.#simulation.now + shadow.maxEntries * this.#gcEntryNs;
  }

  /** Deletes the entries whose lifetime has passed. */
  #collect({ map }: Shadow, cpu: number): void {
    for (let bucket = map.nextOccupied(0, map.buckets); bucket < map.buckets; bucket = map.nextOccupied(bucket + 1, map.buckets)) {
      let slot = map.firstOfBucket(bucket);
      while (slot !== 0) {
        const next = map.nextInBucket(slot);
        const followed = map.word(slot, SLOT_WORD);
        if (!this.#isLive(followed)) map.remove(this.#map.rows, followed * this.#map.stride, cpu % this.#cpus);
        slot = next;
      }
    }
  }

  #isSampled(slot: number): boolean {
    if (this.#sampleBits === 0) return true;
    return Math.imul(this.#map.hashOf(slot), GOLDEN) >>> (32 - this.#sampleBits) === 0;
  }

  #point({ maxEntries, map, refused, evictionsBefore, evictionsLive, missed }: Shadow): CurvePoint {
    const scale = 2 ** this.#sampleBits;
    return {
      maxEntries,
      refused: refused * scale,
      evictions: (evictionsOf(map) - evictionsBefore) * scale,
      evictionsLive: evictionsLive * scale,
      missed: missed * scale,
    };
  }
}

function evictionsOf(map: HashMap | LruHashMap): number {
  return map instanceof LruHashMap ? map.evictions : 0;
}
