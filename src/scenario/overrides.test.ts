import { describe, expect, it } from "vitest";
import { mistakes, VALID } from "../../test/scenario/fixtures.js";

describe("a --set that can't be applied", () => {
  it.each([
    ["duratoin=5m", 1, /there is no "duratoin"/, "duration"],
    ["cluster.nods=5", 9, /there is no "nods" in cluster/, "nodes"],
    ["cluster.nodes.x=5", 15, /there is no "x" in cluster.nodes/, null],
    ["workloads.brust.arrivals.poisson=5/s", 11, /workloads has no item "brust"/, "burst"],
    ["workloads[7].name=x", 10, /workloads has no item "7"/, null],
    ["workloads.burst.arivals.poisson=5/s", 17, /there is no "arivals" in workloads\[1]/, "arrivals"],
    ["variants.biger.duration=1m", 10, /there is no variant "biger"/, "bigger"],
    ["variants.bigger.duratoin=1m", 17, /there is no "duratoin"/, "duration"],
    ["faults=[]", 1, /"faults" can't be simulated/, null],
    ["duration", 1, /this sets nothing/, null],
    ["=5", 1, /this sets nothing/, null],
    ["a..b=5", 3, /"\." can't stand here/, null],
    ["seed=[1", 8, /this is no YAML/, null],
    ["cluster.nodes=many", 15, /cluster.nodes can't be the text "many"/, null],
    ["helm.set.bpf.ctTcpMaks=5", 14, /knows no key bpf.ctTcpMaks/, "bpf.ctTcpMax"],
  ])("%s", (argument, column, message, nearest) => {
    const [found] = mistakes(VALID, { set: [argument] });
    expect(found).toMatchObject({ file: "--set", line: 1, column, sourceLine: argument, nearest });
    expect(found!.message).toMatch(message);
  });

  it("several are reported together, each with its own text", () => {
    const found = mistakes(VALID, { set: ["duratoin=5m", "cluster.nodes=many"] });
    expect(found.map(({ sourceLine }) => sourceLine)).toEqual(["duratoin=5m", "cluster.nodes=many"]);
  });
});
