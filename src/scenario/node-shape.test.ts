import { describe, expect, it } from "vitest";
import { Diagnostics } from "./diagnostics.js";
import { readNodeShape } from "./node-shape.js";

const GIB = 1024 ** 3;

describe("a node shape", () => {
  it.each([
    ["16cpu,64Gi", { name: "16cpu,64Gi", possibleCpus: 16, totalMemoryBytes: 64 * GIB, count: 1, pods: null }],
    ["96cpu,360Gi:20", { name: "96cpu,360Gi", possibleCpus: 96, totalMemoryBytes: 360 * GIB, count: 20, pods: null }],
    [
      "8 cores, 31.5GiB, 60pods : 3",
      { name: "8cores,31.5GiB,60pods", possibleCpus: 8, totalMemoryBytes: 31.5 * GIB, count: 3, pods: 60 },
    ],
    ["404311371776B,2vcpu", { possibleCpus: 2, totalMemoryBytes: 404_311_371_776 }],
    ["64GB,1cpu", { possibleCpus: 1, totalMemoryBytes: 64e9 }],
  ])("%s", (text, expected) => {
    const found = new Diagnostics();
    expect(readNodeShape("--node", text, found)).toMatchObject(expected);
    expect(found.sorted()).toEqual([]);
  });

  it.each([
    ["", 1, /a quantity is missing/, null],
    ["16cpu", 1, /memory is missing/, null],
    ["64Gi:4", 1, /CPUs are missing/, null],
    ["16,64Gi", 1, /16 has no unit/, null],
    ["16cpu,64", 7, /64 has no unit/, null],
    ["16cup,64Gi", 1, /"cup" is no unit/, "16cpu"],
    ["16cpu,65835324kB", 7, /"kB" is no unit/, "65835324KiB"],
    ["16cpu,64gib", 7, /"gib" is no unit/, "64GiB"],
    ["16cpu,64Gi,", 12, /a quantity is missing/, null],
    ["16cpu,16cpu,64Gi", 7, /CPUs stand there twice/, null],
    ["0cpu,64Gi", 1, /at least 1 CPUs/, null],
    ["1.5cpu,64Gi", 1, /can't be a fraction/, null],
    ["9000cpu,64Gi", 1, /at most 8192/, null],
    ["16cpu,64Mi:0", 12, /"0" is no number of nodes/, null],
    ["16cpu,64Gi:x20", 12, /"x20" is no number of nodes/, null],
    ["16cpu,1Mi", 7, /too little memory/, null],
    ["16cpu,2000TiB,9Ti", 7, /more memory than any node/, null],
    ["-4cpu,64Gi", 1, /"-4cpu" is no number with a unit/, null],
    ["16cpu;64Gi", 1, /is no number with a unit/, null],
  ])("%j is refused at column %i", (text, column, message, nearest) => {
    const found = new Diagnostics();
    expect(readNodeShape("--node", text, found)).toBeUndefined();
    expect(found.sorted()[0]).toMatchObject({ severity: "error", file: "--node", column, nearest });
    expect(found.sorted()[0]!.message).toMatch(message);
  });
});
