/** Exporters: lists, masks, the end, files that give way, and what an agent would refuse. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { changed, load, VALID } from "../../../test/scenario/fixtures.js";
import type { FlowExport } from "../../scenario/observe-types.js";
import { exportRun } from "./export-run.js";
import { exportMistakes, exportNames, FlowExporter } from "./flow-exporter.js";

const PLAIN: FlowExport = {
  name: null, filePath: "/var/run/cilium/hubble/events.log", maxSizeMb: 10, maxBackups: 5, compress: false, allow: [], deny: [], fieldMask: [], end: null,
};
const flow = (second: number, verdict: string, filler = ""): string => {
  const time = `2025-01-01T00:00:${String(second).padStart(2, "0")}Z`;
  const text = `{"flow":{"time":"${time}","verdict":"${verdict}","source":{"pod_name":"web-0"},"node_name":"n","Summary":"${filler}"},"node_name":"n","time":"${time}"}`;
  return `${text}\n`;
};
const AGENT = '{"agent_event":{"type":"AGENT_STARTED"},"node_name":"n","time":"2025-01-01T00:00:02Z"}\n';
const RELAY = '{"node_status":{"state_change":"NODE_CONNECTED","node_names":["n"]},"node_name":"n","time":"2025-01-01T00:00:02Z"}\n';

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ctlab-export-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function exported(settings: Partial<FlowExport>, lines: readonly string[]): string {
  const exporter = new FlowExporter({ ...PLAIN, ...settings }, folder, "events.log");
  for (const line of lines) exporter.take(line);
  exporter.close();
  return readFileSync(join(folder, "events.log"), "utf8");
}

describe("an exporter", () => {
  const lines = [flow(1, "FORWARDED"), AGENT, RELAY, flow(3, "DROPPED"), flow(4, "FORWARDED")];

  it("writes everything as it is, but not what Relay says", () => {
    expect(exported({}, lines)).toBe([flow(1, "FORWARDED"), AGENT, flow(3, "DROPPED"), flow(4, "FORWARDED")].join(""));
  });

  it("with lists what any of the first and none of the second lets pass; events without a flow pass no list", () => {
    expect(exported({ allow: ['{"verdict":["DROPPED"]}', '{"source_pod":["default/web"]}'] }, lines)).toBe(flow(3, "DROPPED"));
    expect(exported({ deny: ['{"verdict":["DROPPED"]}{"verdict":["AUDIT"]}'] }, lines)).toBe(`${flow(1, "FORWARDED")}${AGENT}${flow(4, "FORWARDED")}`);
  });

  it("with a mask the fields that it names, time and node beside them as far as these stay", () => {
    expect(exported({ fieldMask: ["verdict", "source.pod_name"] }, [lines[0]!])).toBe('{"flow":{"verdict":"FORWARDED","source":{"pod_name":"web-0"}}}\n');
    expect(exported({ fieldMask: ["time"] }, [lines[0]!, AGENT])).toBe(`{"flow":{"time":"2025-01-01T00:00:01Z"},"time":"2025-01-01T00:00:01Z"}\n${AGENT}`);
  });

  it("ends at its time", () => {
    expect(exported({ end: "2025-01-01T01:00:03+01:00" }, lines)).toBe(flow(1, "FORWARDED") + AGENT);
  });
});

describe("a file that is full", () => {
  const THIRD = "x".repeat(340_000);
  const many = Array.from({ length: 13 }, (_, second) => flow(second, "FORWARDED", THIRD));

  it("gives way under the moment's name, and the oldest go", () => {
    expect(exported({ maxSizeMb: 1, maxBackups: 2 }, many)).toBe(many[12]);
    expect(readdirSync(folder).sort()).toEqual(["events-2025-01-01T00-00-09.000.log", "events-2025-01-01T00-00-12.000.log", "events.log"]);
    expect(readFileSync(join(folder, "events-2025-01-01T00-00-12.000.log"), "utf8")).toBe(many.slice(9, 12).join(""));
  });

  it("is compressed where the values say so, and all stay with no bound", () => {
    exported({ maxSizeMb: 1, maxBackups: 0, compress: true }, many);
    const backups = readdirSync(folder).filter((name) => name.endsWith(".log.gz")).sort();
    expect(backups).toHaveLength(4);
    expect(gunzipSync(readFileSync(join(folder, backups[0]!))).toString("utf8")).toBe(many.slice(0, 3).join(""));
  });

  it("takes no line that is longer than a file", () => {
    expect(exported({ maxSizeMb: 1 }, [flow(1, "FORWARDED", "x".repeat(1_100_000)), flow(2, "DROPPED")])).toBe(flow(2, "DROPPED"));
  });
});

describe("exporters of a run", () => {
  it("are those of the Helm values, static and dynamic", () => {
    const values = `
    bpf.ctTcpMax: 65536
    hubble.export.static.enabled: true
    hubble.export.static.allowList: ['{"verdict":["DROPPED"]}']
    hubble.export.static.fieldMask: [time, verdict]
    hubble.export.fileMaxSizeMb: 2
    hubble.export.dynamic.enabled: true
    hubble.export.dynamic.config.content:
      - { name: drops, filePath: /a/drops.log, includeFilters: [{ verdict: [DROPPED] }], fileMaxBackups: 0, fileMaxSizeMb: 3, end: "2025-01-01T00:00:03Z" }`;
    const { observe } = load(changed("set: { bpf.ctTcpMax: 65536 }", `set:${values}`)).base;
    const common = { maxBackups: 5, compress: false, deny: [] };
    expect(observe.exports).toEqual([
      { ...common, name: null, filePath: PLAIN.filePath, maxSizeMb: 2, allow: ['{"verdict":["DROPPED"]}'], fieldMask: ["time", "verdict"], end: null },
      { ...common, name: "drops", filePath: "/a/drops.log", maxSizeMb: 3, allow: ['{"verdict":["DROPPED"]}'], fieldMask: [], end: "2025-01-01T00:00:03Z" },
    ]);
    expect(load(VALID).base.observe.exports).toEqual([]);
  });

  it("are refused where the agent would refuse them", () => {
    const named = [{ ...PLAIN, name: "a", fieldMask: ["nothing"] }, { ...PLAIN, name: "a", end: "soon" }];
    const mistakes = exportMistakes([{ ...PLAIN, allow: ["{"] }, ...named, { ...PLAIN, name: "", filePath: "" }]).join("\n");
    const all = [/static: failed to decode/, /a: .*no field nothing/, /soon is no time/, /name is required/, /filePath is required/];
    for (const text of all) expect(mistakes).toMatch(text);
    expect(mistakes).toMatch(/duplicated flowlog name a\nduplicated flowlog path/);
    expect(exportMistakes([PLAIN, { ...PLAIN, name: "b" }])).toEqual([]);
  });

  it("have files of their own, with the agent's events among the flows", async () => {
    writeFileSync(join(folder, "flows.jsonl"), flow(1, "FORWARDED") + flow(3, "DROPPED"));
    writeFileSync(join(folder, "agent-events.jsonl"), AGENT);
    const exports = [PLAIN, { ...PLAIN, name: "b", deny: ['{"verdict":["DROPPED"]}'] }];
    expect(exportNames(exports)).toEqual(["static-events.log", "b-events.log"]);
    expect(await exportRun(exports, folder)).toEqual(["export/b-events.log", "export/static-events.log"]);
    expect(readFileSync(join(folder, "export/static-events.log"), "utf8")).toBe(flow(1, "FORWARDED") + AGENT + flow(3, "DROPPED"));
    expect(readFileSync(join(folder, "export/b-events.log"), "utf8")).toBe(flow(1, "FORWARDED") + AGENT);
  });
});
