/**
 * What a node has seen and still has: the newest responses in the order in which they came, as they go over the wire. Stands
 * for the ring that `GetFlows` reads; positions count all responses ever added.
 *
 * Other than in the agent, the newest response can be read at once, and a history can hold more than 65535. Events of the agent
 * are few, and kept apart.
 */
import { fromBinary } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { encode } from "../encode.js";
import { GetFlowsResponseSchema, type GetAgentEventsResponse, type GetDebugEventsResponse, type GetFlowsResponse } from "../proto/observer_pb.js";
import { instantNs } from "../times.js";

/** One response; `ns` is its time since 1970. */
export interface HistoryEntry {
  readonly ns: bigint;
  readonly isFlow: boolean;
  readonly bytes: Uint8Array;
}

/** An event of the agent or of its programs' debugging, beside the flows. */
export type NodeEvent = GetAgentEventsResponse | GetDebugEventsResponse;

/** Flows of the last minute make the rate: pkg/hubble/observer `getFlowRate`. */
const RATE_SPAN_NS = 60_000_000_000n;
const NS_PER_SECOND = 1e9;

export class FlowHistory {
  readonly name: string;
  readonly version: string;
  readonly capacity: number;
  readonly namespaces = new Map<string, { readonly cluster: string; readonly namespace: string }>();
  readonly #entries: HistoryEntry[] = [];
  /** In the order in which they came. */
  readonly events: NodeEvent[] = [];
  /** Responses added so far: the position of the next one. */
  added = 0;
  /** Flows among them. */
  seenFlows = 0;
  /** How long the node has been up, ns; told by whoever adds. */
  uptimeNs = 0;
  /** False while Relay can't reach the node. */
  connected = true;

  constructor(name: string, version: string, capacity: number) {
    this.name = name;
    this.version = version;
    this.capacity = capacity;
  }

  /** First position that can still be read. */
  get oldest(): number {
    return Math.max(0, this.added - this.capacity);
  }

  get length(): number {
    return this.added - this.oldest;
  }

  add(response: GetFlowsResponse): void {
    const flow = response.responseTypes.case === "flow" ? response.responseTypes.value : undefined;
    const entry = { ns: nsOf(response.time), isFlow: flow !== undefined, bytes: encode(GetFlowsResponseSchema, response) };
    this.#entries[this.added++ % this.capacity] = entry;
    if (flow === undefined) return;
    this.seenFlows++;
    for (const end of [flow.source, flow.destination]) {
      if (end === undefined || end.namespace === "") continue;
      const cluster = end.clusterName === "" ? "default" : end.clusterName;
      const key = `${cluster}/${end.namespace}`;
      if (!this.namespaces.has(key)) this.namespaces.set(key, { cluster, namespace: end.namespace });
    }
  }

  addEvent(event: NodeEvent): void {
    this.events.push(event);
  }

  /** The response at a position that can be read. */
  at(position: number): HistoryEntry {
    return this.#entries[position % this.capacity]!;
  }

  /** Flows in a second: those of the last minute before the newest one, or of as long as the history reaches back. */
  get flowsRate(): number {
    if (this.length === 0) return 0;
    const newest = this.at(this.added - 1).ns;
    let flows = 0;
    let first = newest;
    for (let position = this.added - 1; position >= this.oldest; position--) {
      const { ns, isFlow } = this.at(position);
      if (newest - ns > RATE_SPAN_NS) return flows / (Number(RATE_SPAN_NS) / NS_PER_SECOND);
      if (isFlow) flows++;
      if (ns < first) first = ns;
    }
    const span = Number(newest - first) / NS_PER_SECOND;
    return span === 0 ? 0 : flows / span;
  }
}

/** A response as it was added. */
export function readEntry({ bytes }: HistoryEntry): GetFlowsResponse {
  return fromBinary(GetFlowsResponseSchema, bytes);
}

function nsOf(time: Timestamp | undefined): bigint {
  return time === undefined ? 0n : instantNs(time);
}
