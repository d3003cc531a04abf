/**
 * What becomes of an event between the program that reports it and whoever reads Hubble's flows.
 *
 *     program → perf ring of its CPU → monitor (one reader) → events queue → decoder → Hubble's ring → request → Relay
 *
 * Stands for pkg/monitor/agent, pkg/hubble/monitor/consumer.go and pkg/hubble/observer/local_observer.go. Each stage is one
 * server with a constant time for an event; it is not simulated event by event but brought up to date when something reaches
 * it. Losses: a perf ring without room (PERF_EVENT_RING_BUFFER), a full queue (OBSERVER_EVENTS_QUEUE), a reader that is
 * overtaken (HUBBLE_RING_BUFFER).
 *
 * Simplified: times of stages are given and do not slow packets down; a piece of work that has begun is not interrupted by a
 * pause; agent and debug events do not exist.
 */
import type { FlowCounter, FlowOutlet } from "../flow-recorder.js";
import { FLOW_EVENT, FLOW_VERDICT, FlowRow } from "../flow-row.js";
import type { LostEventSource } from "../result.js";
import { EVENT_KIND, EventStore, NO_SLOT } from "./event-store.js";
import { FlowRequest, type FlowReceiver, type RequestSettings } from "./flow-request.js";
import { HubbleRing } from "./hubble-ring.js";
import { Pauses, type PauseSource } from "./pauses.js";
import { perfRecordBytes, PerfRings } from "./perf-rings.js";

/** Bytes of struct drop_notify, trace_notify, policy_verdict_notify, trace_sock_notify: bpf/lib/drop.h, trace.h, policy_log.h, trace_sock.h. */
const DROP_NOTIFY_BYTES = 36;
const TRACE_NOTIFY_BYTES = 48;
const VERDICT_NOTIFY_BYTES = 32;
const SOCKET_NOTIFY_BYTES = 38;

/** Stages of the agent, each with its own place in the pauses. */
const READ = 0;
const DECODE = 1;
const SEND = 2;
const AGENT_STAGES = 3;

export interface PipelineSettings extends RequestSettings {
  readonly cpus: number;
  readonly perfRingBytes: number;
  /** `hubble-event-queue-size`, `hubble-event-buffer-capacity`. */
  readonly queueSize: number;
  readonly ringCapacity: number;
  /** CPU of the agent for reading an event and handing it on, and for decoding it, ns. */
  readonly readNs: number;
  readonly decodeNs: number;
  /** Only flows with the verdict DROPPED pass the reader's filter. */
  readonly droppedOnly: boolean;
  readonly agentPauses: PauseSource | null;
  readonly relayPauses: PauseSource | null;
  /** What Hubble counts of the flows that it has decoded: `OnDecodedFlow`. */
  readonly counter: HubbleCounter | null;
}

/** Counts flows that reached Hubble, and what `hubble_lost_events_total` counts. */
export interface HubbleCounter extends FlowCounter {
  lost(source: LostEventSource, events: number): void;
}

/** Takes what Relay's client receives. */
export interface PipelineReceiver {
  flow(row: FlowRow, number: number): void;
  lost(source: LostSource, count: number, cpu: number | null, atNs: number): void;
}

/** `flow.LostEventSource`; in metrics in lower case. */
export const LOST_SOURCES = ["PERF_EVENT_RING_BUFFER", "OBSERVER_EVENTS_QUEUE", "HUBBLE_RING_BUFFER"] as const;
export type LostSource = (typeof LOST_SOURCES)[number];

export class HubblePipeline implements FlowOutlet, FlowReceiver {
  readonly full = false;
  readonly store = new EventStore();
  readonly perf: PerfRings;
  readonly ring: HubbleRing;
  readonly request: FlowRequest;
  readonly #settings: PipelineSettings;
  readonly #receiver: PipelineReceiver;
  readonly #pauses: Pauses;
  readonly #row = new FlowRow();
  /** Whose CPU an event is on. */
  #context: { readonly cpu: number } = { cpu: 0 };
  readonly #queue: Int32Array;
  readonly #queuedAt: Float64Array;
  #queueFirst = 0;
  #queueCount = 0;
  #readFree = 0;
  #decodeFree = 0;
  #decoding = NO_SLOT;
  /** Events that the full queue refused since its last report, and when the first of them came. */
  #refused = 0;
  #refusedSince = 0;
  #up = true;
  /** Events that programs reported. */
  emitted = 0;
  /** Events that the queue refused, reports among them, and the flows among these. */
  lostInQueue = 0;
  flowsLostInQueue = 0;
  /** Flows that were overwritten in the ring while a reader was on its way to them. */
  flowsOverwritten = 0;
  /** Reports of the perf rings: what `hubble_lost_events_total{source="perf_event_ring_buffer"}` counts. */
  perfReports = 0;
  /** Flows written to the ring: `seen_flows`. */
  seenFlows = 0;
  queueMax = 0;
  behindMax = 0;

  /** Throws a `RangeError` when the ring's capacity is not 2^n - 1. */
  constructor(settings: PipelineSettings, receiver: PipelineReceiver) {
    this.#settings = settings;
    this.#receiver = receiver;
    this.#pauses = new Pauses(settings.agentPauses, AGENT_STAGES);
    this.perf = new PerfRings(this.store, settings.cpus, settings.perfRingBytes);
    this.ring = new HubbleRing(settings.ringCapacity);
    this.#queue = new Int32Array(settings.queueSize);
    this.#queuedAt = new Float64Array(settings.queueSize);
    this.request = new FlowRequest(this.store, this.ring, settings, this, this.#pauses, SEND, new Pauses(settings.relayPauses, 1));
    this.request.connect(0, null);
  }

  /** Where the CPU of an event is read from. */
  attach(context: { readonly cpu: number }): void {
    this.#context = context;
  }

  /** Flows that whoever reads at Relay has got. */
  get written(): number {
    return this.request.delivered;
  }

  /** Flows that are still on their way; those of the ring only while somebody reads. */
  get pending(): number {
    let flows = this.perf.flows + (this.#decoding !== NO_SLOT && this.#isFlow(this.#decoding) ? 1 : 0) + this.request.waitingFlows;
    for (let n = 0; n < this.#queueCount; n++) if (this.#isFlow(this.#queue[(this.#queueFirst + n) % this.#queue.length]!)) flows++;
    if (!this.request.connected) return flows;
    for (let position = Math.max(this.request.position, this.ring.oldest); position < this.ring.written; position++) {
      if (this.#isFlow(this.ring.at(position))) flows++;
    }
    return flows;
  }

  /** A program reports an event, by way of its CPU's perf ring; or a proxy, whose records come to the agent as they are. */
  write(row: FlowRow, number: number): void {
    this.advance(row.timeNs);
    this.emitted++;
    if (!this.#up) return;
    if (row.layer7 !== null) {
      this.#notify(this.#slotOf(row, number), row.timeNs);
      return;
    }
    const { cpu } = this.#context;
    const bytes = perfRecordBytes(notifyBytes(row.eventType) + row.captured);
    if (!this.perf.fits(cpu, bytes)) {
      this.perf.lose(cpu);
      return;
    }
    if (this.perf.records === 0 && this.#readFree < row.timeNs) this.#readFree = row.timeNs;
    this.perf.push(cpu, this.#slotOf(row, number), bytes);
  }

  #slotOf(row: FlowRow, number: number): number {
    const { store } = this;
    const slot = store.take();
    store.kind[slot] = EVENT_KIND.flow;
    store.matched[slot] = !this.#settings.droppedOnly || row.verdict === FLOW_VERDICT.dropped ? 1 : 0;
    store.number[slot] = number;
    store.save(slot, row);
    return slot;
  }

  /** Brings every stage up to a moment, ns. */
  advance(untilNs: number): void {
    while (this.perf.records > 0) {
      const end = this.#pauses.awake(READ, this.#readFree) + this.#settings.readNs;
      if (end > untilNs) break;
      this.#readFree = end;
      this.#notify(this.perf.shift(), end);
    }
    this.#decodeUntil(untilNs);
    this.request.advance(untilNs);
  }

  /** The agent ends: rings, queue and requests go with it. */
  stop(atNs: number): void {
    this.advance(atNs);
    this.#up = false;
    this.request.disconnect();
    this.perf.clear();
    while (this.#queueCount > 0) this.store.release(this.#dequeue());
    if (this.#decoding !== NO_SLOT) this.store.release(this.#decoding);
    this.#decoding = NO_SLOT;
    this.#refused = 0;
    this.ring.empty();
  }

  /** The agent is back, with empty rings. */
  start(atNs: number): void {
    this.#up = true;
    this.#readFree = Math.max(this.#readFree, atNs);
    this.#decodeFree = Math.max(this.#decodeFree, atNs);
  }

  /** Relay loses the node, or Relay's client Relay: the stream ends. */
  disconnect(atNs: number): void {
    this.advance(atNs);
    this.request.disconnect();
  }

  /** The stream begins again: at the newest event, or with what came after the last flow that was read. */
  connect(atNs: number, resume: boolean): void {
    this.advance(atNs);
    this.request.connect(atNs, resume ? this.request.lastTime : null);
  }

  flow(slot: number): void {
    this.store.load(slot, this.#row);
    this.#receiver.flow(this.#row, this.store.number[slot]!);
  }

  overtaken(): void {
    this.#settings.counter?.lost("hubble_ring_buffer", 1);
  }

  lost(source: number, count: number, cpu: number, atNs: number): void {
    const name = source === EVENT_KIND.lostInPerfRing ? LOST_SOURCES[0] : source === EVENT_KIND.lostInQueue ? LOST_SOURCES[1] : LOST_SOURCES[2];
    this.#receiver.lost(name, count, cpu < 0 ? null : cpu, atNs);
  }

  /** pkg/hubble/monitor/consumer.go `sendEvent`: first the report of what was refused, then the event. */
  #notify(slot: number, atNs: number): void {
    const { store } = this;
    store.time[slot] = atNs;
    if (store.kind[slot] === EVENT_KIND.lostInPerfRing) {
      this.perfReports++;
      this.#settings.counter?.lost("perf_event_ring_buffer", 1);
    }
    this.#decodeUntil(atNs);
    if (this.#refused > 0 && atNs - this.#refusedSince >= this.#settings.lostIntervalNs) {
      if (this.#queueCount < this.#queue.length) {
        const report = store.take();
        store.kind[report] = EVENT_KIND.lostInQueue;
        store.number[report] = this.#refused;
        store.cpu[report] = 0;
        store.time[report] = atNs;
        this.#enqueue(report, atNs);
        this.#refused = 0;
      }
    }
    if (this.#queueCount < this.#queue.length) {
      this.#enqueue(slot, atNs);
      return;
    }
    if (this.#refused++ === 0) this.#refusedSince = atNs;
    this.lostInQueue++;
    this.#settings.counter?.lost("observer_events_queue", 1);
    if (this.#isFlow(slot)) this.flowsLostInQueue++;
    store.release(slot);
  }

  #enqueue(slot: number, atNs: number): void {
    const at = (this.#queueFirst + this.#queueCount++) % this.#queue.length;
    this.#queue[at] = slot;
    this.#queuedAt[at] = atNs;
    if (this.#queueCount > this.queueMax) this.queueMax = this.#queueCount;
  }

  #dequeue(): number {
    const slot = this.#queue[this.#queueFirst]!;
    this.#queueFirst = (this.#queueFirst + 1) % this.#queue.length;
    this.#queueCount--;
    return slot;
  }

  #decodeUntil(untilNs: number): void {
    for (;;) {
      if (this.#decoding !== NO_SLOT) {
        if (this.#decodeFree > untilNs) return;
        this.#toRing(this.#decoding, this.#decodeFree);
        this.#decoding = NO_SLOT;
      }
      if (this.#queueCount === 0) return;
      const start = this.#pauses.awake(DECODE, Math.max(this.#decodeFree, this.#queuedAt[this.#queueFirst]!));
      if (start > untilNs) return;
      this.#decoding = this.#dequeue();
      this.#decodeFree = start + this.#settings.decodeNs;
    }
  }

  #isFlow(slot: number): boolean {
    return this.store.kind[slot] === EVENT_KIND.flow;
  }

  #count(slot: number): void {
    this.seenFlows++;
    if (this.#settings.counter === null) return;
    this.store.load(slot, this.#row);
    this.#settings.counter.count(this.#row);
  }

  /** The oldest position has just been written over. */
  #forget(slot: number): void {
    const { ring, request } = this;
    if (request.connected && request.position < ring.oldest && this.#isFlow(slot)) this.flowsOverwritten++;
    this.store.release(slot);
  }

  #toRing(slot: number, atNs: number): void {
    this.request.advance(atNs);
    if (this.#isFlow(slot)) this.#count(slot);
    const overwritten = this.ring.write(slot);
    if (overwritten !== NO_SLOT) this.#forget(overwritten);
    this.request.fill(atNs);
    if (this.request.behind > this.behindMax) this.behindMax = this.request.behind;
  }
}

function notifyBytes(eventType: number): number {
  if (eventType === FLOW_EVENT.trace) return TRACE_NOTIFY_BYTES;
  if (eventType === FLOW_EVENT.traceSock) return SOCKET_NOTIFY_BYTES;
  return eventType === FLOW_EVENT.drop ? DROP_NOTIFY_BYTES : VERDICT_NOTIFY_BYTES;
}
