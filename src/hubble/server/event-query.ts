/**
 * What a request for events of the agent or of debugging gets: pkg/hubble/observer/local_observer.go `GetAgentEvents`,
 * `GetDebugEvents`. Of several nodes the events are merged by time; Relay itself has no such service.
 */
import { ALL_FLOWS } from "../command-line.js";
import type { GetAgentEventsRequest, GetAgentEventsResponse, GetDebugEventsRequest, GetDebugEventsResponse } from "../proto/observer_pb.js";
import { instantNs } from "../times.js";
import type { NodeEvent } from "./flow-history.js";
import type { FlowHub } from "./flow-hub.js";
import { RequestError } from "./flow-query.js";

type EventRequest = GetAgentEventsRequest | GetDebugEventsRequest;
type EventType<Event extends NodeEvent> = Event["$typeName"];

/** Events of one kind out of all that a hub has. */
export class EventQuery<Event extends GetAgentEventsResponse | GetDebugEventsResponse> {
  readonly follow: boolean;
  readonly #hub: FlowHub;
  readonly #type: EventType<Event>;
  readonly #since: bigint | undefined;
  readonly #until: bigint | undefined;
  /** Events that each node has given. */
  readonly #read: number[];
  #queue: Event[];

  /** Throws a `RequestError`. */
  constructor(hub: FlowHub, type: EventType<Event>, { number, first, follow, since, until }: EventRequest) {
    if (first && follow) throw new RequestError("first cannot be specified with follow");
    this.follow = follow;
    this.#hub = hub;
    this.#type = type;
    this.#since = since === undefined ? undefined : instantNs(since);
    this.#until = until === undefined ? undefined : instantNs(until);
    this.#read = hub.nodes.map(() => 0);
    const all = this.#take();
    const count = number === 0n || number === ALL_FLOWS ? all.length : Number(number);
    // A follower that asks for nothing begins with what comes; a time counts before a number.
    if (since !== undefined) this.#queue = all;
    else if (follow && number === 0n) this.#queue = [];
    else this.#queue = first ? all.slice(0, count) : count === 0 ? [] : all.slice(-count);
  }

  /** The next event; undefined when there is none for now. */
  next(): Event | undefined {
    if (this.#queue.length === 0 && this.follow) this.#queue = this.#take();
    return this.#queue.shift();
  }

  /** What has come since, by time. */
  #take(): Event[] {
    const fresh = this.#hub.nodes.flatMap(({ events }, index) => {
      const from = this.#read[index]!;
      this.#read[index] = events.length;
      return events.slice(from);
    });
    const ofType = fresh.filter((event): event is Event => event.$typeName === this.#type);
    return ofType.filter((event) => this.#isWanted(event)).sort((a, b) => (nsOf(a) < nsOf(b) ? -1 : nsOf(a) > nsOf(b) ? 1 : 0));
  }

  #isWanted(event: Event): boolean {
    const ns = nsOf(event);
    return (this.#since === undefined || ns >= this.#since) && (this.#until === undefined || ns <= this.#until);
  }
}

function nsOf({ time }: NodeEvent): bigint {
  return time === undefined ? 0n : instantNs(time);
}
