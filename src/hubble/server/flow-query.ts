/**
 * What a request for flows gets: pkg/hubble/observer/local_observer.go `newRingReader` and `eventsReader` on each node,
 * pkg/hubble/relay/observer over them. `number` holds for each node; lost events and the state of nodes pass every filter and
 * do not count.
 *
 * Relay merges nodes with a window of 100 responses; here what is there is merged by time, and what comes later comes as it does.
 */
import { create } from "@bufbuild/protobuf";
import { TimestampSchema } from "@bufbuild/protobuf/wkt";
import { ALL_FLOWS } from "../command-line.js";
import { encode } from "../encode.js";
import { flowFilters, type FlowFilters } from "../filter.js";
import { LostEventSchema, LostEventSource } from "../proto/flow_pb.js";
import { GetFlowsResponseSchema, type GetFlowsRequest } from "../proto/observer_pb.js";
import { instantFromNs, instantNs } from "../times.js";
import { fieldMask, type FieldMaskTree } from "./field-mask.js";
import { readEntry, type FlowHistory, type HistoryEntry } from "./flow-history.js";
import type { FlowHub } from "./flow-hub.js";

/** The request can't be answered: INVALID_ARGUMENT with this message. */
export class RequestError extends Error {
  override readonly name = "RequestError";
}

interface Criteria {
  readonly passes: FlowFilters;
  /** True when there is a filter: without one no flow has to be looked into. */
  readonly filters: boolean;
  readonly number: number;
  /** A follower asks for nothing that has been: it begins with what comes. */
  readonly fromNow: boolean;
  readonly first: boolean;
  readonly follow: boolean;
  readonly sinceNs: bigint | undefined;
  readonly untilNs: bigint | undefined;
  readonly mask: FieldMaskTree | null;
}

export class FlowQuery {
  readonly #readers: readonly NodeReader[];
  readonly follow: boolean;

  /** Throws a `RequestError`, a `FilterError` or a `FieldMaskError`. */
  constructor(hub: FlowHub, request: GetFlowsRequest) {
    const criteria = criteriaOf(request);
    this.follow = criteria.follow;
    this.#readers = hub.nodes.map((node) => new NodeReader(node, criteria));
  }

  /** Nothing more will come, whatever the nodes see. */
  get ended(): boolean {
    return this.#readers.every(({ ended }) => ended);
  }

  /** The next response, over all nodes the oldest; undefined when there is none for now. */
  next(): Uint8Array | undefined {
    let chosen: NodeReader | undefined;
    for (const reader of this.#readers) {
      const head = reader.peek();
      if (head !== undefined && (chosen === undefined || head.ns < chosen.peek()!.ns)) chosen = reader;
    }
    return chosen?.take();
  }
}

interface Head {
  readonly ns: bigint;
  readonly bytes: Uint8Array;
}

/** Reads one node's history as the request says. */
class NodeReader {
  readonly #node: FlowHistory;
  readonly #criteria: Criteria;
  #position: number;
  #taken = 0;
  #head: Head | undefined;
  ended = false;

  constructor(node: FlowHistory, criteria: Criteria) {
    this.#node = node;
    this.#criteria = criteria;
    this.#position = startOf(node, criteria);
  }

  peek(): Head | undefined {
    this.#head ??= this.#find();
    return this.#head;
  }

  take(): Uint8Array {
    const { bytes } = this.#head!;
    this.#head = undefined;
    return bytes;
  }

  #find(): Head | undefined {
    const { number, follow, untilNs, sinceNs } = this.#criteria;
    while (!this.ended) {
      if (!follow && this.#taken >= number) this.ended = true;
      else if (this.#position < this.#node.oldest) return this.#overtaken();
      else if (this.#position >= this.#node.added) return undefined;
      else {
        const entry = this.#node.at(this.#position++);
        if (!entry.isFlow) return entry;
        if (untilNs !== undefined && entry.ns > untilNs) this.ended = true;
        else if ((sinceNs === undefined || entry.ns >= sinceNs) && passes(entry, this.#criteria)) {
          this.#taken++;
          return masked(entry, this.#criteria.mask);
        }
      }
    }
    return undefined;
  }

  /** The client was too slow, or the history too short: says how much is gone, as agents from 1.19 on do in one message. */
  #overtaken(): Head {
    const gone = this.#node.oldest - this.#position;
    this.#position = this.#node.oldest;
    const { ns } = this.#node.at(this.#position);
    const time = create(TimestampSchema, instantFromNs(ns));
    const response = create(GetFlowsResponseSchema, {
      responseTypes: { case: "lostEvents", value: create(LostEventSchema, { source: LostEventSource.HUBBLE_RING_BUFFER, numEventsLost: BigInt(gone) }) },
      nodeName: this.#node.name,
      time,
    });
    return { ns, bytes: encode(GetFlowsResponseSchema, response) };
  }
}

function criteriaOf(request: GetFlowsRequest): Criteria {
  const { first, follow, since, until, whitelist, blacklist, number } = request;
  if (first && follow) throw new RequestError("first cannot be specified with follow");
  const paths = request.fieldMask ?? request.experimental?.fieldMask;
  return {
    passes: flowFilters(whitelist, blacklist),
    filters: whitelist.length > 0 || blacklist.length > 0,
    number: number === 0n || number === ALL_FLOWS ? Infinity : Number(number),
    fromNow: follow && number === 0n && since === undefined,
    first,
    follow,
    sinceNs: since === undefined ? undefined : instantNs(since),
    untilNs: until === undefined ? undefined : instantNs(until),
    mask: paths === undefined || paths.paths.length === 0 ? null : fieldMask(paths.paths),
  };
}

/** Where to begin: `since` counts before `number`. */
function startOf(node: FlowHistory, criteria: Criteria): number {
  const { first, fromNow, number, sinceNs } = criteria;
  if (sinceNs === undefined && first) return node.oldest;
  if (fromNow) return node.added;
  let found = 0;
  let position = node.added;
  while (position > node.oldest && (sinceNs !== undefined || found < number)) {
    const entry = node.at(position - 1);
    if (entry.isFlow) {
      if (sinceNs !== undefined && entry.ns < sinceNs) break;
      if (sinceNs === undefined && number !== Infinity && passes(entry, criteria)) found++;
    }
    position--;
  }
  return position;
}

function passes(entry: HistoryEntry, criteria: Criteria): boolean {
  if (!criteria.filters) return true;
  const { responseTypes } = readEntry(entry);
  return criteria.passes(responseTypes.case === "flow" ? responseTypes.value : undefined);
}

function masked(entry: HistoryEntry, mask: FieldMaskTree | null): Head {
  if (mask === null) return entry;
  const response = readEntry(entry);
  if (response.responseTypes.case === "flow") mask.apply(response.responseTypes.value);
  return { ns: entry.ns, bytes: encode(GetFlowsResponseSchema, response) };
}
