/** Flows read at Hubble Relay, from events that went through the node's pipeline; a run's figures of Hubble are taken here. */
import type { FlowRecorder } from "../observe/flow-recorder.js";
import type { FlowWriter } from "../observe/flow-writer.js";
import type { HubbleMetrics } from "../observe/metrics/hubble-metrics.js";
import type { HubblePipeline } from "../observe/pipeline/pipeline.js";
import type { HubbleResult } from "../observe/result.js";
import type { AccessLog } from "./access-log.js";
import type { AgentEvents } from "./agent-events.js";
import type { HubbleCounts, NodeFlows } from "./node-flows.js";
import type { PolicyLabels } from "./policy-names.js";

export class HubbleReading implements NodeFlows, HubbleCounts {
  readonly hubble = this;
  readonly events: FlowRecorder;
  readonly hubbleMetrics: HubbleMetrics | null;
  readonly accessLog: AccessLog;
  agentEvents: AgentEvents | null = null;
  policyLabels: PolicyLabels | null = null;
  readonly #pipeline: HubblePipeline;
  readonly #writer: FlowWriter;
  readonly #clock: { readonly now: number };
  readonly #resume: boolean;
  /** When the stream ended and began again; the last one may be open. */
  readonly #gaps: { startNs: number; endNs: number | null }[] = [];

  /** `resume`: a new stream asks for what came after the last flow. */
  constructor(
    pipeline: HubblePipeline,
    events: FlowRecorder,
    writer: FlowWriter,
    hubbleMetrics: HubbleMetrics | null,
    accessLog: AccessLog,
    clock: { readonly now: number },
    resume: boolean,
  ) {
    this.hubbleMetrics = hubbleMetrics;
    this.accessLog = accessLog;
    this.#pipeline = pipeline;
    this.events = events;
    this.#writer = writer;
    this.#clock = clock;
    this.#resume = resume;
  }

  readonly seen = (): number => this.events.seen;
  readonly written = (): number => this.#writer.written;

  readonly attach = (context: { readonly cpu: number }): void => this.#pipeline.attach(context);

  readonly finish = (): void => {
    this.#pipeline.advance(this.#clock.now);
    this.#writer.flush();
  };

  readonly cut = (atNs: number): void => {
    if (!this.#pipeline.request.connected) return;
    this.#pipeline.disconnect(atNs);
    this.#writer.cut(atNs);
    this.#gaps.push({ startNs: atNs, endNs: null });
  };

  readonly reconnect = (atNs: number): void => {
    const gap = this.#gaps.at(-1);
    if (this.#pipeline.request.connected || gap === undefined) return;
    this.#writer.reconnect(atNs);
    this.#pipeline.connect(atNs, this.#resume);
    gap.endNs = atNs;
  };

  readonly agentStops = (atNs: number): void => {
    this.cut(atNs);
    this.#pipeline.stop(atNs);
  };

  readonly agentStarts = (atNs: number): void => {
    this.#pipeline.start(atNs);
    this.reconnect(atNs);
  };

  upToDate(): this {
    this.#pipeline.advance(this.#clock.now);
    return this;
  }

  get lost(): number {
    const { perf, flowsLostInQueue, flowsOverwritten } = this.#pipeline;
    return perf.lost + flowsLostInQueue + flowsOverwritten;
  }

  get read(): number {
    return this.#pipeline.request.delivered + this.#pipeline.request.filtered;
  }

  result(): HubbleResult {
    const { perf, request, ring, emitted, lostInQueue, flowsLostInQueue, flowsOverwritten } = this.#pipeline;
    const { perfReports, seenFlows, queueMax, behindMax, pending } = this.#pipeline;
    const { read } = this;
    return {
      events: emitted,
      lost: { perf_event_ring_buffer: perf.lost, observer_events_queue: flowsLostInQueue, hubble_ring_buffer: flowsOverwritten },
      lostEventsTotal: { perf_event_ring_buffer: perfReports, observer_events_queue: lostInQueue, hubble_ring_buffer: request.lost },
      read,
      away: emitted - read - this.lost - pending,
      pending,
      seenFlows,
      bufferCapacity: ring.capacity,
      bufferLength: ring.length,
      perfRingBytesMax: perf.usedMax,
      queueMax,
      readerBehindMax: behindMax,
      relayGaps: this.#gaps.map(({ startNs, endNs }) => ({ startNs, endNs })),
    };
  }
}
