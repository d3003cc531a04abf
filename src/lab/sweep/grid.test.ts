import { describe, expect, it } from "vitest";
import { Diagnostics, InputError } from "../../scenario/diagnostics.js";
import { choiceAt, gridSize, overridesOf, readGrid, settingsOf } from "./grid.js";

function read(...texts: readonly string[]) {
  const found = new Diagnostics();
  const axes = readGrid(texts, found);
  found.throwIfErrors();
  return axes;
}

function mistakeOf(text: string): { readonly message: string; readonly nearest: string | null; readonly file: string; readonly column: number } {
  try {
    read(text);
  } catch (error) {
    if (error instanceof InputError) return error.diagnostics[0]!;
  }
  throw new Error(`"${text}" was accepted`);
}

describe("readGrid", () => {
  it("takes Helm values with and without helm.set, and counts in Kubernetes' form", () => {
    const axes = read("bpf.ctTcpMax=256Ki,1Mi", "helm.set.bpf.ctAnyMax=64Ki");
    expect(overridesOf(axes, [1, 0])).toEqual(["helm.set.bpf.ctTcpMax=1048576", "helm.set.bpf.ctAnyMax=65536"]);
    expect(settingsOf(axes, [0, 0])).toEqual({ "bpf.ctTcpMax": "262144", "helm.set.bpf.ctAnyMax": "65536" });
  });

  it("leaves the scenario's own values as they are written", () => {
    const axes = read("cluster.memory=16Gi,64Gi", "workloads[0].arrivals.poisson=10/s");
    expect(overridesOf(axes, [1, 0])).toEqual(["cluster.memory=64Gi", "workloads[0].arrivals.poisson=10/s"]);
  });

  it("moves joined paths together", () => {
    const axes = read("cluster.pods&bpf.ctTcpMax=500&256Ki,2000&512Ki");
    expect(gridSize(axes)).toBe(2);
    expect(overridesOf(axes, [1])).toEqual(["cluster.pods=2000", "helm.set.bpf.ctTcpMax=524288"]);
  });

  it("keeps commas within brackets and quotes", () => {
    const axes = read(`client.localPortRange=[32768, 60999],[1024, 65535]`, `name="a,b",c`);
    expect(axes.map(({ values }) => values)).toEqual([[["[32768, 60999]"], ["[1024, 65535]"]], [['"a,b"'], ["c"]]]);
  });

  it.each([
    ["", "this varies nothing", null, 1],
    ["=1,2", "this varies nothing", null, 1],
    ["clutser.pods=1,2", 'neither the scenario nor Helm has "clutser"', "cluster", 1],
    ["bfp.ctTcpMax=1,2", 'neither the scenario nor Helm has "bfp"', "bpf", 1],
    ["cluster.pods&workload.x=1&2", 'neither the scenario nor Helm has "workload"', "workloads", 14],
    ["cluster.pods=1,,2", "a value is missing here", null, 16],
    ["cluster.pods=1,2,1", "1 stands here twice", null, 18],
    ["cluster.pods&bpf.ctTcpMax=1&2,3", "1 value for 2 paths", null, 31],
  ])("%j: %s", (text, message, nearest, column) => {
    expect(mistakeOf(text)).toMatchObject({ file: "--grid", message, nearest, column });
  });

  it("refuses a path that is varied twice, however it is written", () => {
    expect(() => read("bpf.ctTcpMax=1,2", "helm.set.bpf.ctTcpMax=3,4")).toThrow("helm.set.bpf.ctTcpMax is already varied");
  });
});

describe("choiceAt", () => {
  it("goes through all combinations, the last axis fastest", () => {
    const axes = read("cluster.pods=1,2", "cluster.cpus=1,2,3");
    const all = Array.from({ length: gridSize(axes) }, (_, n) => choiceAt(axes, n).join(""));
    expect(all).toEqual(["00", "01", "02", "10", "11", "12"]);
  });
});
