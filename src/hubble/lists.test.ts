import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { printNamespaces, printNodes } from "./lists.js";
import { NamespaceSchema, NodeSchema, ServerStatusResponseSchema } from "./proto/observer_pb.js";
import { printStatus } from "./status.js";

const cell = (uptimeNs: bigint): string => printNodes([create(NodeSchema, { name: "n", uptimeNs })], "table").stdout.split("\n")[1]!.split(/ {2,}/)[2]!;

describe("lists", () => {
  it("ages are rounded to seconds, halves up, and durations end with an int64", () => {
    expect([499_999_999n, 500_000_000n, 90_500_000_000n, (1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 1n].map(cell)).toEqual([
      "N/A",
      "1s",
      "1m31s",
      "2562047h47m16.854775807s",
      "N/A",
      "N/A",
    ]);
  });

  it("nodes come in the order of their bytes, namespaces as the server says", () => {
    const nodes = ["kind/n2", "é", "kind/n10"].map((name) => create(NodeSchema, { name }));
    expect(printNodes(nodes, "table").stdout.split("\n").map((line) => line.split(" ")[0])).toEqual(["NAME", "kind/n10", "kind/n2", "é", ""]);
    const namespaces = [create(NamespaceSchema, { namespace: "b", cluster: "k" }), create(NamespaceSchema, { namespace: "aaaaaaaaaaaa" })];
    expect(printNamespaces(namespaces, "wide").stdout).toBe("NAMESPACE   CLUSTER\nb           k\naaaaaaaaaaaa\n");
    expect(printNamespaces(namespaces, "yaml")).toEqual({ code: 1, stdout: "", stderr: "unknown output format: yaml\n" });
  });
});

describe("status", () => {
  it("counts unavailable nodes that are not named", () => {
    const status = create(ServerStatusResponseSchema, { numUnavailableNodes: 3, unavailableNodes: ["b"], numConnectedNodes: 4_294_967_295 });
    const lines = printStatus({ status, health: "SERVING", target: "t" }, "compact").stdout.split("\n");
    expect(lines.slice(2)).toEqual(["Flows/s: N/A", "Connected Nodes: 4294967295/2", "Unavailable Nodes: 3", "  - b", "  - and 2 more...", ""]);
  });

  it("refuses an unknown format after the health check", () => {
    const status = create(ServerStatusResponseSchema);
    expect(printStatus({ status, health: "SERVING", target: "t" }, "xml")).toEqual({ code: 1, stdout: "", stderr: "invalid output format: xml\n" });
    expect(printStatus({ status, health: "UNKNOWN", target: "t" }, "xml")).toEqual({ code: 1, stdout: "", stderr: "not healthy\n" });
  });
});
