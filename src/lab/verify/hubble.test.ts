import { describe, expect, it } from "vitest";
import { outcomes, recorded, tampered } from "../../../test/support/verify.js";
import { VectorFileError, type Verifier } from "./case.js";
import { verifyFilters } from "./filters.js";
import { verifyFlowLines } from "./flow-lines.js";
import { verifyFlowStreams } from "./flow-streams.js";
import { verifyGrpcStreams } from "./grpc-streams.js";
import { variantOptions } from "./hubble-output.js";
import { verifyLists } from "./lists.js";
import { verifyStatus } from "./status.js";

const path = (kind: string): string => `../hubble/${kind}.json.gz`;

interface Kind {
  readonly kind: string;
  readonly verifier: Verifier;
  readonly cases: number;
  /** A place, and what makes the first case fail there. */
  readonly changes: readonly (readonly [at: string, value: unknown, where: string])[];
}

const KINDS: readonly Kind[] = [
  {
    kind: "flow-lines",
    verifier: verifyFlowLines,
    cases: 108,
    changes: [
      ["vectors.0.expect.compact", "Jul 29\n", "compact, line 1"],
      ["vectors.0.expect.dict", "", "dict, line 1"],
      ["vectors.0.expect.json_legacy", "{}\n", "json_legacy, line 1"],
      ["vectors.0.expect.compact_colour", "", "compact_colour"],
      ["vectors.0.expect", {}, "expect"],
      ["vectors.0.input", '{"flow":{"verdict":"PERHAPS"}}', "compact, line 1"],
      ["vectors.0.input", 1, "input"],
      ["vectors.0.more", 1, "more"],
      ["client", "hubble 1.16.0", "client"],
      ["sections", [], "sections"],
    ],
  },
  {
    kind: "flow-streams",
    verifier: verifyFlowStreams,
    cases: 8,
    changes: [
      ["vectors.0.expect.table", "TIMESTAMP\n", "table, line 1"],
      ["vectors.0.input_lines", [], "dict, line 1"],
      ["vectors.0.input_lines", [1], "input_lines"],
      ["vectors.0.more", 1, "more"],
    ],
  },
  {
    kind: "filters",
    verifier: verifyFilters,
    cases: 80,
    changes: [
      ["vectors.0.match", [], "match"],
      ["vectors.0.raw_filters_yaml", "{}\n", "raw_filters_yaml, line 1"],
      ["vectors.0.args", ["observe", "--all", "--colour-of-the-flow", "red"], "args"],
      ["vectors.0.args", ["observe", "--all", "--ip", "10.0.0.300"], "args"],
      ["vectors.0.args", ["list", "nodes"], "args"],
      ["vectors.0.args", ["observe", "--all", "surplus"], "args"],
      ["vectors.0.args", ["observe", "--verdict", "DROPPED"], "match"],
      ["vectors.0.more", 1, "more"],
    ],
  },
  {
    kind: "status",
    verifier: verifyStatus,
    cases: 10,
    changes: [
      ["vectors.0.expect.compact", "Ok\n", "compact, line 1"],
      ["vectors.0.expect.json", { rc: 0, stdout: "{}\n", stderr: "" }, "json, line 1"],
      ["vectors.0.expect.json", { rc: 1, stdout: "" }, "json exit code"],
      ["vectors.0.expect.yaml", "", "yaml"],
      ["vectors.0.health", "NOT_SERVING", "compact exit code"],
      ["vectors.0.response.num_flows", "4094", "compact, line 2"],
      ["vectors.0.response.colour", "red", "response"],
      ["target", "127.0.0.1:1", "compact, line 1"],
    ],
  },
  {
    kind: "lists",
    verifier: verifyLists,
    cases: 2,
    changes: [
      ["vectors.0.expect.nodes_wide", "NAME\n", "nodes_wide, line 1"],
      ["vectors.0.expect.nodes_dict", { rc: 1, stderr: "no\n" }, "nodes_dict stderr, line 1"],
      ["vectors.0.expect.pods_table", "", "pods_table"],
      ["vectors.0.nodes.0.seen_flows", "1", "nodes_table, line 2"],
      ["vectors.0.nodes.0.colour", "red", "nodes"],
    ],
  },
  {
    kind: "grpc-streams",
    verifier: verifyGrpcStreams,
    cases: 4,
    changes: [
      ["vectors.0.expect.compact.stdout", "", "compact stdout, line 1"],
      ["vectors.0.expect.compact_debug.stderr", "", "compact_debug stderr, line 1"],
      ["vectors.0.expect.compact.rc", 0, "rc"],
      ["vectors.0.responses.0.node_status.state_change", "NODE_ERROR", "compact stderr, line 1"],
      ["vectors.0.responses.0.colour", "red", "responses"],
    ],
  },
];

describe.each(KINDS)("verify $kind", ({ kind, verifier, cases, changes }) => {
  it("agrees with every recorded case", async () => {
    const all = await outcomes(verifier, recorded(path(kind)));
    expect(all.filter((each) => each.difference !== undefined)).toEqual([]);
    expect(all.length).toBe(cases);
    expect(all.every((each) => (each.compared ?? 0) > 0)).toBe(true);
  });

  it.each(changes)("a change of %s to %j fails at %s", async (at, value, where) => {
    const all = await outcomes(verifier, tampered(path(kind), at, value, 1));
    expect(all.flatMap(({ difference }) => (difference === undefined ? [] : [difference.where]))).toContain(where);
  });

  it("refuses a damaged file", async () => {
    const file = recorded(path(kind));
    await expect(outcomes(verifier, { ...file, text: file.text.slice(0, -20) })).rejects.toThrow(VectorFileError);
    await expect(outcomes(verifier, { ...file, text: "{}" })).rejects.toThrow(/has no list "vectors"/);
  });
});

describe("output variants", () => {
  it("stand for options", () => {
    expect(variantOptions("table_node")).toMatchObject({ output: "table", nodeName: true, ipTranslation: true });
    expect(variantOptions("dict_numeric_rfc1123z")).toMatchObject({ output: "dict", ipTranslation: false, timeLayout: "rfc1123z" });
    expect(variantOptions("xml")).toBeUndefined();
    expect(variantOptions("compact_sideways")).toBeUndefined();
  });
});
