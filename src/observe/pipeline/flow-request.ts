/**
 * A request that follows the flows, from Relay to a node: pkg/hubble/observer/local_observer.go `GetFlows`, container
 * `RingReader.NextFollow`. The reader runs ahead of the sender by a channel; the sender waits when Relay does not take.
 *
 * Relay serves its client's flows one after the other, those of all nodes: pkg/hubble/relay/observer. What it can hold of
 * one node (HTTP/2 window, channels, sort buffer) is a number here, and the sort buffer's order is not: it matters only
 * among nodes, and one is simulated.
 */
import { EVENT_KIND, type EventStore } from "./event-store.js";
import { POSITION, type HubbleRing } from "./hubble-ring.js";
import type { Pauses } from "./pauses.js";

/** pkg/hubble/container/ring_reader.go `NewRingReader`: events between the ring and the sender. */
export const FOLLOW_CHANNEL = 1000;

/** In the channel: a position that was overwritten before the reader came to it. */
const LOST_IN_RING = -2;

/** Whoever takes what the request delivers. */
export interface FlowReceiver {
  flow(slot: number, atNs: number): void;
  /** The reader has come to a position that was written over. */
  overtaken(): void;
  /** `source`: EVENT_KIND of the report, or -1 for Hubble's ring; `cpu` -1 for none. */
  lost(source: number, count: number, cpu: number, atNs: number): void;
}

/** The `source` of losses in Hubble's ring. */
export const LOST_IN_HUBBLE_RING = -1;

export interface RequestSettings {
  /** Events between the ring and the sender. */
  readonly channel: number;
  /** CPU of the agent for an event that the filter stops, and for one that is sent, ns. */
  readonly filterNs: number;
  readonly sendNs: number;
  /** What a flow of this node takes of Relay's time, with those of the other nodes that come meanwhile, ns. */
  readonly relayNs: number;
  /** Flows of this node on their way to Relay's client. */
  readonly inFlight: number;
  /** Losses are gathered for so long before they are reported, ns (pkg/counter `IntervalRangeCounter`); 0 = not at all. */
  readonly lostIntervalNs: number;
}

export class FlowRequest {
  readonly #store: EventStore;
  readonly #ring: HubbleRing;
  readonly #settings: RequestSettings;
  readonly #receiver: FlowReceiver;
  readonly #agent: Pauses;
  readonly #agentStage: number;
  readonly #relay: Pauses;
  readonly #channel: Int32Array;
  #first = 0;
  #count = 0;
  /** When the channel got what it holds first, if it was empty before. */
  #channelAt = 0;
  #position = 0;
  /** First position that no stream has sent. */
  #sentUpTo = 0;
  #senderFree = 0;
  /** When Relay is done with the last messages, as many as can be on their way. */
  readonly #done: Float64Array;
  #sent = 0;
  #relayFree = 0;
  /** Losses in the ring that no report has told yet, and when the reader came upon the first of them. */
  #untold = 0;
  #untoldSince = 0;
  #connected = false;
  /** Flows that passed the filter and were sent, and those that it stopped. */
  delivered = 0;
  filtered = 0;
  /** Positions that were overwritten before the reader came: `hubble_lost_events_total{source="hubble_ring_buffer"}`. */
  lost = 0;
  /** When the last flow that was sent had been read by the agent, ns. */
  lastTime = 0;

  constructor(
    store: EventStore,
    ring: HubbleRing,
    settings: RequestSettings,
    receiver: FlowReceiver,
    agent: Pauses,
    agentStage: number,
    relay: Pauses,
  ) {
    this.#channel = new Int32Array(settings.channel);
    this.#store = store;
    this.#ring = ring;
    this.#settings = settings;
    this.#receiver = receiver;
    this.#agent = agent;
    this.#agentStage = agentStage;
    this.#relay = relay;
    this.#done = new Float64Array(Math.max(1, settings.inFlight));
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Positions between the reader and the newest event. */
  get behind(): number {
    return this.#connected ? Math.max(0, this.#ring.written - this.#position) + this.#count : 0;
  }

  /** Flows taken from the ring and not sent. */
  get waitingFlows(): number {
    let flows = 0;
    for (let n = 0; n < this.#count; n++) {
      const item = this.#channel[(this.#first + n) % this.#channel.length]!;
      if (item !== LOST_IN_RING && this.#store.kind[item] === EVENT_KIND.flow) flows++;
    }
    return flows;
  }

  get position(): number {
    return this.#position;
  }

  /** A stream begins: at the head of the ring, or after the moment `sinceNs`. */
  connect(atNs: number, sinceNs: number | null): void {
    this.#connected = true;
    // The agent begins with the newest event that can be read; whoever has read it before passes over it.
    this.#position = sinceNs === null ? Math.max(this.#ring.oldest, this.#ring.newest, this.#sentUpTo) : this.#after(sinceNs);
    this.#senderFree = atNs;
    this.#relayFree = atNs;
    this.#sent = 0;
    this.#done.fill(0);
    this.fill(atNs);
  }

  /** The stream ends, and what was on its way with it. */
  disconnect(): void {
    this.#connected = false;
    this.#sentUpTo = this.#position - this.#count;
    while (this.#count > 0) {
      const slot = this.#shift();
      if (slot >= 0) this.#store.release(slot);
    }
    this.#untold = 0;
  }

  /** Reads what can be read, as far as the channel has room; to be called after every write to the ring. */
  fill(atNs: number): void {
    if (!this.#connected) return;
    if (this.#count === 0) this.#channelAt = atNs;
    this.#readAhead();
  }

  /** Lets the sender work until `untilNs`. */
  advance(untilNs: number): void {
    while (this.#count > 0) {
      const start = this.#agent.awake(this.#agentStage, Math.max(this.#senderFree, this.#channelAt));
      if (start > untilNs) return;
      const item = this.#shift();
      this.#senderFree = this.#report(item === LOST_IN_RING ? this.#miss(start) : this.#pass(item, start));
      this.#readAhead();
    }
  }

  #readAhead(): void {
    const ring = this.#ring;
    while (this.#count < this.#channel.length) {
      const state = ring.state(this.#position);
      if (state === POSITION.ahead) return;
      let item = LOST_IN_RING;
      if (state === POSITION.readable) {
        item = ring.at(this.#position);
        this.#store.retain(item);
      } else {
        this.lost++;
        this.#receiver.overtaken();
      }
      this.#position++;
      this.#channel[(this.#first + this.#count++) % this.#channel.length] = item;
    }
  }

  #shift(): number {
    const item = this.#channel[this.#first]!;
    this.#first = (this.#first + 1) % this.#channel.length;
    this.#count--;
    return item;
  }

  /** Passes an event on; gives back when the sender is free again. */
  #pass(slot: number, startNs: number): number {
    const store = this.#store;
    const kind = store.kind[slot]!;
    let free = startNs + this.#settings.filterNs;
    if (kind !== EVENT_KIND.flow) {
      free = this.#send(startNs);
      this.#receiver.lost(kind, store.number[slot]!, store.cpu[slot]!, free);
    } else if (store.matched[slot] === 1) {
      free = this.#send(startNs);
      this.delivered++;
      this.lastTime = store.time[slot]!;
      this.#receiver.flow(slot, free);
    } else {
      this.filtered++;
    }
    store.release(slot);
    return free;
  }

  /** A position was overwritten: told at once, or later with others. */
  #miss(startNs: number): number {
    if (this.#untold++ === 0) this.#untoldSince = startNs;
    return this.#settings.lostIntervalNs === 0 ? startNs : startNs + this.#settings.filterNs;
  }

  /** Between two events: reports what was lost, once the first of it is an interval old. */
  #report(atNs: number): number {
    if (this.#untold === 0 || atNs - this.#untoldSince < this.#settings.lostIntervalNs) return atNs;
    const free = this.#send(atNs);
    this.#receiver.lost(LOST_IN_HUBBLE_RING, this.#untold, -1, free);
    this.#untold = 0;
    return free;
  }

  /** Sends a message: the sender works, then waits until Relay is done with the message so many before. */
  #send(startNs: number): number {
    const at = this.#sent++ % this.#done.length;
    const gone = Math.max(startNs + this.#settings.sendNs, this.#done[at]!);
    this.#relayFree = this.#relay.awake(0, Math.max(gone, this.#relayFree)) + this.#settings.relayNs;
    this.#done[at] = this.#relayFree;
    return gone;
  }

  /** The first position whose event was read after a moment. */
  #after(sinceNs: number): number {
    const ring = this.#ring;
    let position = Math.max(ring.oldest, ring.newest + 1);
    while (position > ring.oldest && this.#store.time[ring.at(position - 1)]! > sinceNs) position--;
    return position;
  }
}
