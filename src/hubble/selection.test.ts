import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { parseObserve } from "./command-line.js";
import { GetFlowsResponseSchema, type GetFlowsResponse } from "./proto/observer_pb.js";
import { FlowSelection } from "./selection.js";

const response = (second: number): GetFlowsResponse =>
  create(GetFlowsResponseSchema, { nodeName: String(second), time: { seconds: BigInt(second), nanos: 0 } });

/** Which of the responses of the seconds 1 to 10 are selected. */
function seconds(...args: string[]): string {
  const { request } = parseObserve(args, { release: "latest", now: { seconds: 10n, nanos: 0 }, legacyJson: false });
  const selection = new FlowSelection(request);
  const selected: GetFlowsResponse[] = [];
  for (let second = 1; second <= 10; second++) {
    const now = selection.take(response(second));
    if (now !== undefined) selected.push(now);
  }
  return [...selected, ...selection.drain()].map(({ nodeName }) => nodeName).join(" ");
}

describe("FlowSelection", () => {
  it.each([
    [["--all"], "1 2 3 4 5 6 7 8 9 10"],
    [[], "1 2 3 4 5 6 7 8 9 10"],
    [["--last", "3"], "8 9 10"],
    [["--last", "10"], "1 2 3 4 5 6 7 8 9 10"],
    [["--first", "3"], "1 2 3"],
    [["--since", "3s"], "7 8 9 10"],
    [["--until", "8s"], "1 2"],
    [["--since", "6s", "--until", "4s"], "4 5 6"],
    [["--since", "6s", "--last", "2"], "9 10"],
    [["--since", "6s", "--first", "2"], "4 5"],
    [["--verdict", "DROPPED"], ""],
    [["-f", "--last", "2"], "9 10"],
  ])("%j", (args, expected) => {
    expect(seconds(...args)).toBe(expected);
  });

  it("after what --last kept all goes through", () => {
    const { request } = parseObserve(["-f", "--last", "2"], { release: "latest", now: { seconds: 0n, nanos: 0 }, legacyJson: false });
    const selection = new FlowSelection(request);
    expect([1, 2, 3].map((second) => selection.take(response(second)))).toEqual([undefined, undefined, undefined]);
    expect(selection.drain().map(({ nodeName }) => nodeName)).toEqual(["2", "3"]);
    expect(selection.take(response(4))?.nodeName).toBe("4");
    expect(selection.drain()).toEqual([]);
  });

  it("keeps a million at most", () => {
    expect(() => seconds("--last", "1000001")).toThrow("--last must be <= 1_000_000, got 1000001");
  });
});
