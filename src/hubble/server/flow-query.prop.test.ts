/** What a request gets, beside a plain twin that filters lists. */
import { create, fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { TimestampSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FlowSchema, LostEventSchema, LostEventSource, Verdict } from "../proto/flow_pb.js";
import { GetFlowsRequestSchema, GetFlowsResponseSchema, type GetFlowsRequest, type GetFlowsResponse } from "../proto/observer_pb.js";
import { FlowHistory } from "./flow-history.js";
import { FlowHub } from "./flow-hub.js";
import { FlowQuery, RequestError } from "./flow-query.js";

interface Seen {
  readonly node: number;
  readonly after: number;
  readonly kind: "forwarded" | "dropped" | "lost";
}

interface Asked {
  readonly number: number;
  readonly first: boolean;
  readonly since: number | undefined;
  readonly until: number | undefined;
  readonly dropped: boolean;
}

const at = (second: number) => create(TimestampSchema, { seconds: BigInt(second) });

/** Numbered responses, one after the other; the number is the uuid, or how many were lost. */
function responsesOf(seen: readonly Seen[]): readonly { readonly node: number; readonly second: number; readonly n: number; readonly seen: Seen }[] {
  let second = 100;
  return seen.map((each, index) => ({ node: each.node, second: (second += each.after), n: index + 1, seen: each }));
}

function toResponse({ second, n, seen }: ReturnType<typeof responsesOf>[number]): GetFlowsResponse {
  const verdict = seen.kind === "dropped" ? Verdict.DROPPED : Verdict.FORWARDED;
  const responseTypes: MessageInitShape<typeof GetFlowsResponseSchema>["responseTypes"] =
    seen.kind === "lost"
      ? { case: "lostEvents", value: create(LostEventSchema, { source: LostEventSource.OBSERVER_EVENTS_QUEUE, numEventsLost: BigInt(n) }) }
      : { case: "flow", value: create(FlowSchema, { uuid: String(n), verdict, time: at(second) }) };
  return create(GetFlowsResponseSchema, { responseTypes, nodeName: `n${seen.node}`, time: at(second) });
}

function requestOf({ number, first, since, until, dropped }: Asked, follow = false): GetFlowsRequest {
  return create(GetFlowsRequestSchema, {
    number: BigInt(number),
    first,
    follow,
    ...(since === undefined ? {} : { since: at(since) }),
    ...(until === undefined ? {} : { until: at(until) }),
    ...(dropped ? { whitelist: [{ verdict: [Verdict.DROPPED] }] } : {}),
  });
}

function numberOf(bytes: Uint8Array): number {
  const { responseTypes } = fromBinary(GetFlowsResponseSchema, bytes);
  return Number(responseTypes.case === "flow" ? responseTypes.value.uuid : responseTypes.case === "lostEvents" ? responseTypes.value.numEventsLost : -1);
}

function drain(query: FlowQuery): number[] {
  const numbers: number[] = [];
  for (let bytes = query.next(); bytes !== undefined; bytes = query.next()) numbers.push(numberOf(bytes));
  return numbers;
}

/** What one node's list gives. */
function plain(list: ReturnType<typeof responsesOf>, { number, first, since, until, dropped }: Asked): typeof list {
  const passes = ({ seen }: (typeof list)[number]): boolean => seen.kind !== "lost" && (!dropped || seen.kind === "dropped");
  const limit = number === 0 ? Infinity : number;
  let begin = 0;
  if (since !== undefined) {
    const before = list.findLastIndex(({ second, seen }) => seen.kind !== "lost" && second < since);
    begin = before + 1;
  } else if (!first && limit !== Infinity) {
    const wanted = list.filter(passes).slice(-limit)[0];
    begin = list.filter(passes).length < limit || wanted === undefined ? 0 : list.indexOf(wanted);
  }
  const result: (typeof list)[number][] = [];
  let taken = 0;
  for (const each of list.slice(begin)) {
    if (taken >= limit) break;
    if (each.seen.kind !== "lost" && until !== undefined && each.second > until) break;
    if (each.seen.kind === "lost") result.push(each);
    else if (passes(each)) {
      taken++;
      result.push(each);
    }
  }
  return result;
}

const seen: fc.Arbitrary<readonly Seen[]> = fc.array(
  fc.record({
    node: fc.integer({ min: 0, max: 2 }),
    after: fc.integer({ min: 1, max: 3 }),
    kind: fc.constantFrom("forwarded", "forwarded", "dropped", "lost"),
  }),
  { maxLength: 40 },
);
const moment = fc.option(fc.integer({ min: 95, max: 190 }), { nil: undefined });
const asked: fc.Arbitrary<Asked> = fc.record({
  number: fc.integer({ min: 0, max: 8 }),
  first: fc.boolean(),
  since: moment,
  until: moment,
  dropped: fc.boolean(),
});

describe("a request", () => {
  it("gets from each node what a list of its responses gives, all merged by time", () => {
    fc.assert(
      fc.property(seen, asked, (list, request) => {
        const nodes = [0, 1, 2].map((node) => new FlowHistory(`n${node}`, "", 1000));
        const hub = new FlowHub(nodes);
        const responses = responsesOf(list);
        for (const each of responses) hub.add(nodes[each.node]!, toResponse(each));
        const expected = [0, 1, 2].flatMap((node) => plain(responses.filter((each) => each.node === node), request));
        expect(drain(new FlowQuery(hub, requestOf(request)))).toEqual(expected.map(({ n }) => n).sort((a, b) => a - b));
      }),
    );
  });

  it("that follows gets what comes, once, and what it missed in a short history is said", () => {
    fc.assert(
      fc.property(seen, fc.integer({ min: 1, max: 6 }), fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 40 }), (list, capacity, turns) => {
        const node = new FlowHistory("n", "", capacity);
        const hub = new FlowHub([node]);
        const query = new FlowQuery(hub, create(GetFlowsRequestSchema, { follow: true }));
        const responses = responsesOf(list.map((each) => ({ ...each, node: 0, kind: "forwarded" as const })));
        let covered = 0;
        let added = 0;
        for (const turn of turns) {
          for (const each of responses.slice(added, added + turn)) hub.add(node, toResponse(each));
          added = Math.min(responses.length, added + turn);
          for (let bytes = query.next(); bytes !== undefined; bytes = query.next()) {
            const { responseTypes } = fromBinary(GetFlowsResponseSchema, bytes);
            if (responseTypes.case === "lostEvents") {
              expect(responseTypes.value.source).toBe(LostEventSource.HUBBLE_RING_BUFFER);
              covered += Number(responseTypes.value.numEventsLost);
            } else {
              expect(numberOf(bytes)).toBe(covered + 1);
              covered++;
            }
          }
          expect(covered).toBe(added);
        }
      }),
    );
  });

  it("can't begin at the first and follow", () => {
    const hub = new FlowHub([]);
    expect(() => new FlowQuery(hub, create(GetFlowsRequestSchema, { first: true, follow: true }))).toThrow(new RequestError("first cannot be specified with follow"));
  });

  it("that follows ends at `until`", () => {
    const node = new FlowHistory("n", "", 10);
    const hub = new FlowHub([node]);
    const query = new FlowQuery(hub, create(GetFlowsRequestSchema, { follow: true, until: at(103) }));
    for (const each of responsesOf([1, 1, 1].map((after) => ({ node: 0, after: after * 2, kind: "forwarded" })))) hub.add(node, toResponse(each));
    expect(drain(query)).toEqual([1]);
    expect(query.ended).toBe(true);
  });
});
