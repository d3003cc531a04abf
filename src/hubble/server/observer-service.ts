/**
 * `observer.Observer` as Hubble Relay serves it, over the nodes of a hub: pkg/hubble/relay/observer/server.go. Events of agents and
 * of debugging, which Relay has not, are served as nodes do.
 */
import type { EventEmitter } from "node:events";
import { create } from "@bufbuild/protobuf";
import { TimestampSchema } from "@bufbuild/protobuf/wkt";
import { Metadata, status, type sendUnaryData, type ServerUnaryCall, type ServerWritableStream, type UntypedServiceImplementation } from "@grpc/grpc-js";
import { FilterError } from "../flow-test.js";
import {
  GetFlowsResponseSchema,
  GetNamespacesResponseSchema,
  GetNodesResponseSchema,
  NamespaceSchema,
  NodeSchema,
  ServerStatusResponseSchema,
  TLSSchema,
  type GetAgentEventsRequest,
  type GetAgentEventsResponse,
  type GetDebugEventsRequest,
  type GetDebugEventsResponse,
  type GetFlowsRequest,
  type GetFlowsResponse,
  type GetNamespacesResponse,
  type GetNodesResponse,
  type ServerStatusResponse,
} from "../proto/observer_pb.js";
import { NodeState, NodeStatusEventSchema } from "../proto/relay_pb.js";
import { instantFromNs } from "../times.js";
import { EventQuery } from "./event-query.js";
import { FieldMaskError } from "./field-mask.js";
import type { FlowHistory, NodeEvent } from "./flow-history.js";
import type { FlowHub } from "./flow-hub.js";
import { FlowQuery, RequestError } from "./flow-query.js";

/** Whose name Relay's own messages bear. */
const RELAY_NAME = "ctlab";
/** Unavailable nodes that a status names at most. */
const UNAVAILABLE_NAMED = 10;

export interface ObserverOptions {
  readonly hub: FlowHub;
  /** What `ServerStatus` says of the server itself. */
  readonly version: string;
  /** Where the server listens, for `GetNodes`. */
  readonly address: () => string;
  readonly tls: boolean;
  /** Aborted when the server ends: streams end with it. */
  readonly ending: AbortSignal;
}

type Flows = ServerWritableStream<GetFlowsRequest, Uint8Array | GetFlowsResponse>;
/** What all streams of answers have. */
type Stream = EventEmitter & { end(): unknown };

export function observerService(options: ObserverOptions): UntypedServiceImplementation {
  return {
    getFlows: (call: Flows) => void getFlows(call, options),
    serverStatus: (_call: unknown, done: sendUnaryData<ServerStatusResponse>) => done(null, serverStatus(options)),
    getNodes: (_call: unknown, done: sendUnaryData<GetNodesResponse>) => done(null, getNodes(options)),
    getNamespaces: (_call: ServerUnaryCall<unknown, unknown>, done: sendUnaryData<GetNamespacesResponse>) => done(null, getNamespaces(options)),
    getAgentEvents: (call: Events) => void getEvents<GetAgentEventsResponse>(call, "observer.GetAgentEventsResponse", options),
    getDebugEvents: (call: Events) => void getEvents<GetDebugEventsResponse>(call, "observer.GetDebugEventsResponse", options),
  };
}

type Events = ServerWritableStream<GetAgentEventsRequest | GetDebugEventsRequest, NodeEvent>;

async function getEvents<Event extends NodeEvent>(call: Events, type: Event["$typeName"], { hub, ending }: ObserverOptions): Promise<void> {
  await answered(call, ending, async (signal) => {
    const query = new EventQuery<Event>(hub, type, call.request);
    call.sendMetadata(new Metadata());
    while (!signal.aborted) {
      const event = query.next();
      if (event !== undefined) {
        if (!call.write(event)) await drained(call, signal);
      } else if (!query.follow) return;
      else await hub.change(signal);
    }
  });
}

async function getFlows(call: Flows, { hub, ending }: ObserverOptions): Promise<void> {
  await answered(call, ending, async (signal) => {
    const query = new FlowQuery(hub, call.request);
    // Clients wait for the stream's header.
    call.sendMetadata(new Metadata());
    for (const state of [NodeState.NODE_CONNECTED, NodeState.NODE_UNAVAILABLE]) await sayNodes(call, hub, state, signal);
    await send(call, query, hub, signal);
  });
}

/** Lets a stream be written until it is through, or the client or the server has enough. */
async function answered(call: Stream, ending: AbortSignal, write: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const over = new AbortController();
  const onEnd = (): void => over.abort();
  call.once("cancelled", onEnd);
  call.once("close", onEnd);
  ending.addEventListener("abort", onEnd);
  try {
    await write(over.signal);
    call.end();
  } catch (error) {
    call.emit("error", failure(error));
  } finally {
    ending.removeEventListener("abort", onEnd);
  }
}

/** Sends what there is, and while the client follows, what comes. */
async function send(call: Flows, query: FlowQuery, hub: FlowHub, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const bytes = query.next();
    if (bytes !== undefined) {
      if (!call.write(bytes)) await drained(call, signal);
    } else if (!query.follow || query.ended) {
      return;
    } else {
      await hub.change(signal);
    }
  }
}

/** Relay's first messages: from which nodes flows are to be expected, and which it can't reach. */
async function sayNodes(call: Flows, hub: FlowHub, state: NodeState, signal: AbortSignal): Promise<void> {
  const nodeNames = hub.nodes.filter(({ connected }) => connected === (state === NodeState.NODE_CONNECTED)).map(({ name }) => name);
  if (nodeNames.length === 0) return;
  const response = create(GetFlowsResponseSchema, {
    responseTypes: { case: "nodeStatus", value: create(NodeStatusEventSchema, { stateChange: state, nodeNames }) },
    nodeName: RELAY_NAME,
    time: create(TimestampSchema, instantFromNs(hub.nowNs)),
  });
  if (!call.write(response)) await drained(call, signal);
}

async function drained(call: Stream, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const go = (): void => {
      call.off("drain", go);
      signal.removeEventListener("abort", go);
      resolve();
    };
    call.once("drain", go);
    signal.addEventListener("abort", go);
  });
}

function failure(error: unknown): { readonly code: number; readonly details: string } {
  const mistaken = error instanceof RequestError || error instanceof FilterError || error instanceof FieldMaskError;
  return { code: mistaken ? status.INVALID_ARGUMENT : status.INTERNAL, details: (error as Error).message };
}

function serverStatus({ hub: { nodes }, version }: ObserverOptions): ServerStatusResponse {
  const here = nodes.filter(({ connected }) => connected);
  const away = nodes.filter(({ connected }) => !connected).map(({ name }) => name);
  const total = (read: (node: FlowHistory) => number): bigint => BigInt(here.reduce((sum, node) => sum + read(node), 0));
  return create(ServerStatusResponseSchema, {
    numFlows: total(({ length }) => length),
    maxFlows: total(({ capacity }) => capacity),
    seenFlows: total(({ seenFlows }) => seenFlows),
    uptimeNs: BigInt(Math.round(here.reduce((longest, { uptimeNs }) => Math.max(longest, uptimeNs), 0))),
    numConnectedNodes: here.length,
    numUnavailableNodes: away.length,
    unavailableNodes: away.slice(0, UNAVAILABLE_NAMED),
    version,
    flowsRate: here.reduce((sum, { flowsRate }) => sum + flowsRate, 0),
  });
}

function getNodes({ hub: { nodes }, address, tls }: ObserverOptions): GetNodesResponse {
  return create(GetNodesResponseSchema, {
    nodes: nodes.map(({ name, connected, version, uptimeNs, length, capacity, seenFlows }) =>
      create(NodeSchema, {
        name,
        address: address(),
        state: connected ? NodeState.NODE_CONNECTED : NodeState.NODE_UNAVAILABLE,
        tls: create(TLSSchema, { enabled: tls }),
        ...(connected
          ? { version, uptimeNs: BigInt(Math.round(uptimeNs)), numFlows: BigInt(length), maxFlows: BigInt(capacity), seenFlows: BigInt(seenFlows) }
          : {}),
      }),
    ),
  });
}

function getNamespaces({ hub: { nodes } }: ObserverOptions): GetNamespacesResponse {
  const all = new Map(nodes.flatMap(({ namespaces }) => [...namespaces]));
  const sorted = [...all.keys()].sort();
  return create(GetNamespacesResponseSchema, { namespaces: sorted.map((key) => create(NamespaceSchema, all.get(key)!)) });
}
