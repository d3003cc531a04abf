/**
 * Holds events on their way through Hubble: a slot for each, freed when nobody needs it any more. Stands for the memory
 * behind the pointers that the agent passes from buffer to buffer. Grows when it is full; nothing is allocated per event.
 */
import type { AddressWords } from "../../cilium/maps/address.js";
import type { FlowRow } from "../flow-row.js";
import type { Layer7 } from "../layer7.js";

/** What a slot holds: an event that is a flow, or a report of lost ones with its source. */
export const EVENT_KIND = { flow: 0, lostInPerfRing: 1, lostInQueue: 2 } as const;

/** No slot. */
export const NO_SLOT = -1;

/** Words of a row: twelve of addresses, then the fields in the order of `save`. */
const ADDRESS_WORDS = 12;
const ROW_WORDS = ADDRESS_WORDS + 29;
const SLOTS_AT_FIRST = 1024;

export class EventStore {
  /** EVENT_KIND, and for flows whether the reader's filter lets it pass. */
  kind = new Uint8Array(SLOTS_AT_FIRST);
  matched = new Uint8Array(SLOTS_AT_FIRST);
  /** When the agent read the event, ns. */
  time = new Float64Array(SLOTS_AT_FIRST);
  /** Which event of the run; for reports of losses how many were lost. */
  number = new Float64Array(SLOTS_AT_FIRST);
  cpu = new Int32Array(SLOTS_AT_FIRST);
  /** Bytes of its record in the perf ring. */
  bytes = new Int32Array(SLOTS_AT_FIRST);
  /** Next slot of the list that it is in: a CPU's ring, or the free ones. */
  next = new Int32Array(SLOTS_AT_FIRST);
  #rows = new Int32Array(SLOTS_AT_FIRST * ROW_WORDS);
  #owners = new Uint8Array(SLOTS_AT_FIRST);
  #free = NO_SLOT;
  /** Records of the proxies, by slot. */
  readonly #records = new Map<number, Layer7>();
  /** Slots in use. */
  used = 0;

  constructor() {
    this.#link(0);
  }

  /** A slot with one owner. */
  take(): number {
    if (this.#free === NO_SLOT) this.#grow();
    const slot = this.#free;
    this.#free = this.next[slot]!;
    this.#owners[slot] = 1;
    this.used++;
    return slot;
  }

  /** One more owner. */
  retain(slot: number): void {
    this.#owners[slot]!++;
  }

  /** One owner less; the last one frees the slot. */
  release(slot: number): void {
    if (--this.#owners[slot]! > 0) return;
    if (this.#records.size > 0) this.#records.delete(slot);
    this.next[slot] = this.#free;
    this.#free = slot;
    this.used--;
  }

  save(slot: number, row: FlowRow): void {
    const rows = this.#rows;
    let at = slot * ROW_WORDS;
    for (let word = 0; word < ADDRESS_WORDS; word++) rows[at++] = row.addresses[word]!;
    rows[at++] = row.family;
    rows[at++] = row.translated;
    rows[at++] = row.encrypted;
    rows[at++] = row.protocol;
    rows[at++] = row.hasPorts;
    rows[at++] = row.sport;
    rows[at++] = row.dport;
    rows[at++] = row.tcpFlags;
    rows[at++] = row.icmpType;
    rows[at++] = row.icmpCode;
    rows[at++] = row.sourceEndpoint;
    rows[at++] = row.destinationEndpoint;
    rows[at++] = row.sourceIdentity;
    rows[at++] = row.destinationIdentity;
    rows[at++] = row.sourceService;
    rows[at++] = row.destinationService;
    rows[at++] = row.eventType;
    rows[at++] = row.subType;
    rows[at++] = row.verdict;
    rows[at++] = row.direction;
    rows[at++] = row.reply;
    rows[at++] = row.dropCode;
    rows[at++] = row.policyMatch;
    rows[at++] = row.traceReason;
    rows[at++] = row.ifindex;
    rows[at++] = row.proxyPort;
    rows[at++] = row.cookie;
    rows[at++] = row.frame;
    rows[at] = row.frameEndpoint;
    if (row.layer7 !== null) this.#records.set(slot, row.layer7);
  }

  /** Fills the row, with the time at which the agent read the event. */
  load(slot: number, row: FlowRow): void {
    const rows = this.#rows;
    let at = slot * ROW_WORDS;
    for (let word = 0; word < ADDRESS_WORDS; word++) row.addresses[word] = rows[at++]!;
    row.timeNs = this.time[slot]!;
    row.family = rows[at++]! as AddressWords;
    row.translated = rows[at++]!;
    row.encrypted = rows[at++]!;
    row.protocol = rows[at++]!;
    row.hasPorts = rows[at++]!;
    row.sport = rows[at++]!;
    row.dport = rows[at++]!;
    row.tcpFlags = rows[at++]!;
    row.icmpType = rows[at++]!;
    row.icmpCode = rows[at++]!;
    row.sourceEndpoint = rows[at++]!;
    row.destinationEndpoint = rows[at++]!;
    row.sourceIdentity = rows[at++]!;
    row.destinationIdentity = rows[at++]!;
    row.sourceService = rows[at++]!;
    row.destinationService = rows[at++]!;
    row.eventType = rows[at++]!;
    row.subType = rows[at++]!;
    row.verdict = rows[at++]!;
    row.direction = rows[at++]!;
    row.reply = rows[at++]!;
    row.dropCode = rows[at++]!;
    row.policyMatch = rows[at++]!;
    row.traceReason = rows[at++]!;
    row.ifindex = rows[at++]!;
    row.proxyPort = rows[at++]!;
    row.cookie = rows[at++]!;
    row.frame = rows[at++]!;
    row.frameEndpoint = rows[at]!;
    row.layer7 = this.#records.size === 0 ? null : (this.#records.get(slot) ?? null);
  }

  #link(from: number): void {
    for (let slot = this.next.length - 1; slot >= from; slot--) {
      this.next[slot] = this.#free;
      this.#free = slot;
    }
  }

  #grow(): void {
    const before = this.next.length;
    const slots = before * 2;
    this.kind = wider(this.kind, new Uint8Array(slots));
    this.matched = wider(this.matched, new Uint8Array(slots));
    this.time = wider(this.time, new Float64Array(slots));
    this.number = wider(this.number, new Float64Array(slots));
    this.cpu = wider(this.cpu, new Int32Array(slots));
    this.bytes = wider(this.bytes, new Int32Array(slots));
    this.next = wider(this.next, new Int32Array(slots));
    this.#owners = wider(this.#owners, new Uint8Array(slots));
    this.#rows = wider(this.#rows, new Int32Array(slots * ROW_WORDS));
    this.#link(before);
  }
}

function wider<Numbers extends Uint8Array | Int32Array | Float64Array>(from: Numbers, to: Numbers): Numbers {
  to.set(from);
  return to;
}
