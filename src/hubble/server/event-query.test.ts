/** Events of agents: which of them a request gets, in which order, and what comes while it follows. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { TimestampSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { GetAgentEventsRequestSchema, GetAgentEventsResponseSchema, GetDebugEventsResponseSchema, type GetAgentEventsResponse } from "../proto/observer_pb.js";
import { EventQuery } from "./event-query.js";
import { FlowHistory } from "./flow-history.js";
import { FlowHub } from "./flow-hub.js";
import { RequestError } from "./flow-query.js";

const at = (second: number) => create(TimestampSchema, { seconds: BigInt(second) });
const agent = (second: number) => create(GetAgentEventsResponseSchema, { nodeName: String(second), time: at(second) });

type Request = MessageInitShape<typeof GetAgentEventsRequestSchema>;

interface World {
  readonly hub: FlowHub;
  readonly left: FlowHistory;
  readonly right: FlowHistory;
  readonly ask: (request?: Request) => EventQuery<GetAgentEventsResponse>;
}

function world(): World {
  const [left, right] = ["l", "r"].map((name) => new FlowHistory(name, "", 10)) as [FlowHistory, FlowHistory];
  const hub = new FlowHub([left, right]);
  for (const second of [1, 4, 5]) hub.addEvent(left, agent(second));
  for (const second of [2, 3]) hub.addEvent(right, agent(second));
  hub.addEvent(right, create(GetDebugEventsResponseSchema, { time: at(3) }));
  return { hub, left, right, ask: (request = {}) => new EventQuery(hub, "observer.GetAgentEventsResponse", create(GetAgentEventsRequestSchema, request)) };
}

function drained(query: EventQuery<GetAgentEventsResponse>): readonly string[] {
  const names: string[] = [];
  for (let event = query.next(); event !== undefined; event = query.next()) names.push(event.nodeName);
  return names;
}

describe("events of agents", () => {
  it.each<[string, Request, string]>([
    ["all", {}, "12345"],
    ["the last", { number: 2n }, "45"],
    ["more than there are", { number: 20n }, "12345"],
    ["the first", { number: 2n, first: true }, "12"],
    ["from a time on, whatever the number", { since: at(3), number: 1n }, "345"],
    ["up to a time", { until: at(3) }, "123"],
  ])("%s", (_name, request, expected) => {
    expect(drained(world().ask(request)).join("")).toBe(expected);
  });

  it("follows with what comes, from both nodes", () => {
    const { hub, left, right, ask } = world();
    const [fromNow, fromLast] = [ask({ follow: true }), ask({ follow: true, number: 1n })];
    expect([drained(fromNow), drained(fromLast)]).toEqual([[], ["5"]]);
    hub.addEvent(right, agent(7));
    hub.addEvent(left, agent(6));
    expect([drained(fromNow), drained(fromLast)]).toEqual([["6", "7"], ["6", "7"]]);
    expect(hub.nowNs).toBe(7_000_000_000n);
  });

  it("can't begin with the first and follow", () => {
    expect(() => world().ask({ first: true, follow: true })).toThrow(RequestError);
  });
});
