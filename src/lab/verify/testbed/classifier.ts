/**
 * The recorded experiments' minimal conntrack classifier, on the simulator's BPF maps. It is not Cilium.
 *
 * One entry per connection, keyed by the tuple of the packet that made it; every packet is looked up as it is and then
 * reversed. The rules are those of the recording's README ("What was run"). Keys: 14 bytes {daddr, saddr, dport, sport,
 * proto, flags}; values: 56 bytes, of which three words are used here.
 */
import { createMap } from "../../../bpf/create.js";
import type { BpfMap } from "../../../bpf/map.js";
import { MapType, UpdateFlag, type MapHost, type MapSpec } from "../../../bpf/spec.js";
import { NS_PER_MS } from "../../../core/units.js";
import { TcpFlag } from "../../../traffic/tcp-peers.js";

const KEY_WORDS = 4;
/** Bytes of a key and of a value. */
export const KEY_BYTES = 14;
export const VALUE_BYTES = 56;
/** Value words: end of life in ms of experiment time, closing flags by direction, whether a non-SYN was seen. */
const LIFETIME = 0;
const CLOSING = 1;
const SEEN_NON_SYN = 2;
/** Closing flags: the direction of the entry's key, and the reply direction. */
const CLOSING_FORWARD = 1;
const CLOSING_REPLY = 2;
const CLOSED = CLOSING_FORWARD | CLOSING_REPLY;

const CLIENT_ADDRESS = 0x0200000a; // 10.0.0.2, network byte order read as little-endian
const SERVER_ADDRESS = 0x0100000a; // 10.0.0.1
const PROTO_TCP = 6;

export interface ClassifierSettings {
  readonly mapType: "hash" | "lru";
  readonly maxEntries: number;
  readonly synTimeoutMs: number;
  readonly estTimeoutMs: number;
  readonly closeTimeoutMs: number;
  readonly nonSynMode: "recreate" | "drop";
  readonly cpus: number;
}

/** What the classifier has counted, named as in the recording's `totals`. */
export interface ClassifierCounters {
  packets: number;
  synPackets: number;
  synCreated: number;
  synMatched: number;
  synReopened: number;
  synRefused: number;
  nonSynWithoutEntry: number;
  nonSynRecreated: number;
  nonSynRecreateFailed: number;
  nonSynPolicyDrop: number;
  bothWaysClosed: number;
  gcRuns: number;
  gcDeleted: number;
}

/** The experiment's conntrack map. */
export function conntrackSpec({ mapType, maxEntries }: ClassifierSettings): MapSpec {
  const type = mapType === "hash" ? MapType.hash : MapType.lruHash;
  return { name: "testbed_ct", type, keySize: KEY_BYTES, valueSize: VALUE_BYTES, maxEntries, flags: 0 };
}

/** The recorded kernel, 6.18, scales the refills of an LRU map's lists. */
export function hostOf({ cpus }: ClassifierSettings): MapHost {
  return { possibleCpus: cpus, refill: "scaled" };
}

export class Classifier {
  readonly map: BpfMap;
  readonly counters: ClassifierCounters = {
    packets: 0, synPackets: 0, synCreated: 0, synMatched: 0, synReopened: 0, synRefused: 0, nonSynWithoutEntry: 0,
    nonSynRecreated: 0, nonSynRecreateFailed: 0, nonSynPolicyDrop: 0, bothWaysClosed: 0, gcRuns: 0, gcDeleted: 0,
  };
  /** The CPU on which a new entry is made. */
  cpuOfNewEntry: () => number = () => 0;
  readonly #settings: ClassifierSettings;
  readonly #key = new Int32Array(KEY_WORDS);
  readonly #walk = new Int32Array(2 * KEY_WORDS);

  constructor(settings: ClassifierSettings) {
    this.#settings = settings;
    this.map = createMap(
      { ...conntrackSpec(settings), storedWords: [LIFETIME, CLOSING, SEEN_NON_SYN] },
      hostOf(settings),
    );
  }

  /** Inserts minus deletions minus occupancy, as the recording counts evictions. */
  get evicted(): number {
    const { synCreated, nonSynRecreated, gcDeleted } = this.counters;
    return synCreated + nonSynRecreated - gcDeleted - this.map.count;
  }

  /** One packet at time `now` (ns); true passes. */
  packet(clientPort: number, serverPort: number, fromClient: boolean, tcpFlags: number, now: number): boolean {
    this.counters.packets++;
    const nowMs = Math.floor(now / NS_PER_MS);
    const isSyn = (tcpFlags & TcpFlag.syn) !== 0 && (tcpFlags & TcpFlag.ack) === 0;
    if (isSyn) this.counters.synPackets++;
    this.#setKey(clientPort, serverPort, fromClient);
    let slot = this.map.lookup(this.#key, 0);
    if (slot >= 0) return this.#found(slot, tcpFlags, isSyn, CLOSING_FORWARD, nowMs);
    this.#setKey(clientPort, serverPort, !fromClient);
    slot = this.map.lookup(this.#key, 0);
    if (slot >= 0) return this.#found(slot, tcpFlags, isSyn, CLOSING_REPLY, nowMs);
    this.#setKey(clientPort, serverPort, fromClient);
    return isSyn ? this.#create(nowMs) : this.#withoutEntry(nowMs);
  }

  /** User-space pass over the whole map: deletes what is past its lifetime. */
  collect(now: number): void {
    const nowMs = Math.floor(now / NS_PER_MS);
    const keys = this.#walk;
    this.counters.gcRuns++;
    let current = 0;
    let more = this.map.nextKey(null, 0, keys, current) === 0;
    while (more) {
      const next = KEY_WORDS - current;
      // The next key is asked for before this one may go, as the recorded loop does.
      more = this.map.nextKey(keys, current, keys, next) === 0;
      const slot = this.map.peek(keys, current);
      if (slot >= 0 && this.map.word(slot, LIFETIME) < nowMs && this.map.remove(keys, current, 0) === 0) {
        this.counters.gcDeleted++;
      }
      current = next;
    }
  }

  #found(slot: number, tcpFlags: number, isSyn: boolean, closingBit: number, nowMs: number): boolean {
    const { map } = this;
    const { synTimeoutMs, estTimeoutMs, closeTimeoutMs } = this.#settings;
    let closing = map.word(slot, CLOSING);
    if (isSyn) {
      this.counters.synMatched++;
      if (closing !== 0) this.counters.synReopened++;
      closing = 0;
    }
    const wasClosed = closing === CLOSED;
    if (!wasClosed) {
      if ((tcpFlags & TcpFlag.syn) === 0) map.setWord(slot, SEEN_NON_SYN, 1);
      const timeout = map.word(slot, SEEN_NON_SYN) !== 0 ? estTimeoutMs : synTimeoutMs;
      map.setWord(slot, LIFETIME, nowMs + timeout);
    }
    if ((tcpFlags & (TcpFlag.fin | TcpFlag.rst)) !== 0) closing |= closingBit;
    if (!wasClosed && closing === CLOSED) {
      this.counters.bothWaysClosed++;
      map.setWord(slot, LIFETIME, nowMs + closeTimeoutMs);
    }
    map.setWord(slot, CLOSING, closing);
    return true;
  }

  #create(nowMs: number): boolean {
    const slot = this.map.update(this.#key, 0, UpdateFlag.noExist, this.cpuOfNewEntry());
    if (slot < 0) {
      this.counters.synRefused++;
      return false;
    }
    this.counters.synCreated++;
    this.map.setWord(slot, LIFETIME, nowMs + this.#settings.synTimeoutMs);
    return true;
  }

  #withoutEntry(nowMs: number): boolean {
    this.counters.nonSynWithoutEntry++;
    if (this.#settings.nonSynMode === "drop") {
      this.counters.nonSynPolicyDrop++;
      return false;
    }
    const slot = this.map.update(this.#key, 0, UpdateFlag.noExist, this.cpuOfNewEntry());
    if (slot < 0) {
      this.counters.nonSynRecreateFailed++;
      return false;
    }
    this.counters.nonSynRecreated++;
    this.map.setWord(slot, LIFETIME, nowMs + this.#settings.estTimeoutMs);
    this.map.setWord(slot, SEEN_NON_SYN, 1);
    return true;
  }

  /** The tuple as a packet of that direction carries it. */
  #setKey(clientPort: number, serverPort: number, fromClient: boolean): void {
    const key = this.#key;
    key[0] = fromClient ? SERVER_ADDRESS : CLIENT_ADDRESS;
    key[1] = fromClient ? CLIENT_ADDRESS : SERVER_ADDRESS;
    key[2] = fromClient ? serverPort | (clientPort << 16) : clientPort | (serverPort << 16);
    key[3] = PROTO_TCP;
  }
}
