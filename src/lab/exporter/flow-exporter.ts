/**
 * Hubble's exporter: events that pass its lists, with the fields that its mask lets through, one line each. pkg/hubble/exporter.
 *
 * Simplified: it sees what the run writes (`observe.flows`, `flowsMax`); flows are not aggregated (1.19).
 */
import { mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { flowFilters, type FlowFilters } from "../../hubble/filter.js";
import { protoJson } from "../../hubble/json.js";
import { FlowLineReader, NodeEventReader } from "../../hubble/line-reader.js";
import { SILENT } from "../../hubble/message-reader.js";
import type { Flow } from "../../hubble/proto/flow_pb.js";
import { GetFlowsResponseSchema } from "../../hubble/proto/observer_pb.js";
import { parseRawFilters } from "../../hubble/raw-filters.js";
import { fieldMask, type FieldMaskTree } from "../../hubble/server/field-mask.js";
import { instantNs, parseRfc3339 } from "../../hubble/times.js";
import type { FlowExport } from "../../scenario/observe-types.js";
import { RotatingFile } from "./rotating-file.js";

/** What an exporter does with an event, without the file. */
interface Pass {
  readonly passes: FlowFilters;
  readonly mask: FieldMaskTree | null;
  /** Nothing is written from then on. */
  readonly endNs: bigint | null;
}

export class FlowExporter {
  readonly #pass: Pass;
  readonly #filtered: boolean;
  readonly #file: RotatingFile;
  readonly #flows = new FlowLineReader("latest", SILENT);
  readonly #events = new NodeEventReader(SILENT);
  #lastNs = 0n;

  /** `folder` is made when it is not there. Throws `OutputError`. */
  constructor(settings: FlowExport, folder: string, fileName: string) {
    this.#pass = passOf(settings);
    this.#filtered = settings.allow.length > 0 || settings.deny.length > 0;
    mkdirSync(folder, { recursive: true });
    this.#file = new RotatingFile(join(folder, fileName), settings);
  }

  /** Takes a line of the run's flows or of its agent's events, with its newline. What Relay's client adds is none of an agent's. */
  take(line: string): void {
    const response = this.#flows.read(line);
    if (response === undefined || response.responseTypes.case === "nodeStatus") return;
    const { passes, mask, endNs } = this.#pass;
    const { time, responseTypes } = response;
    if (time !== undefined) this.#lastNs = instantNs(time);
    if (endNs !== null && this.#lastNs >= endNs) return;
    const flow = responseTypes.case === "flow" ? responseTypes.value : undefined;
    if (flow === undefined && responseTypes.case === undefined && this.#events.read(line) === undefined) return;
    if (this.#filtered && !passes(flow)) return;
    this.#file.write(mask === null || flow === undefined ? line : masked(flow, mask), this.#lastNs);
  }

  close(): void {
    this.#file.close();
  }
}

/** Time and node beside the flow are those that the mask has left in it (`eventToExportEvent`). */
function masked(flow: Flow, mask: FieldMaskTree): string {
  mask.apply(flow);
  const { nodeName, time } = flow;
  const response = create(GetFlowsResponseSchema, { responseTypes: { case: "flow", value: flow }, nodeName, ...(time === undefined ? {} : { time }) });
  return `${protoJson(GetFlowsResponseSchema, response)}\n`;
}

/** Throws an Error that says what an agent would refuse. */
function passOf({ allow, deny, fieldMask: paths, end }: FlowExport): Pass {
  const filters = (texts: readonly string[]) => texts.flatMap((text) => parseRawFilters(text, "latest"));
  const moment = end === null ? undefined : parseRfc3339(end);
  if (end !== null && moment === undefined) throw new Error(`${end} is no time; RFC 3339 is expected`);
  return {
    passes: flowFilters(filters(allow), filters(deny)),
    mask: paths.length === 0 ? null : fieldMask(paths),
    endNs: moment === undefined ? null : instantNs(moment),
  };
}

/** The name of each exporter's file in the folder: that of its path, with its own name before it where two are the same. */
export function exportNames(exports: readonly FlowExport[]): readonly string[] {
  const bare = exports.map(({ filePath }) => basename(filePath).replace(/[^A-Za-z0-9._-]/g, "_").replace(/^\.+/, ""));
  return bare.map((name, index) => (bare.filter((each) => each === name).length === 1 ? name : `${exports[index]!.name ?? "static"}-${name}`));
}

/** What is wrong with the exporters of a run; the agent would not start, or leave the exporter out. */
export function exportMistakes(exports: readonly FlowExport[]): readonly string[] {
  const dynamic = exports.filter(({ name }) => name !== null);
  const twice = (values: readonly string[]): readonly string[] => values.filter((value, index) => value !== "" && values.indexOf(value) !== index);
  return [
    ...exports.flatMap((settings) => {
      try {
        passOf(settings);
        return [];
      } catch (error) {
        return [`${titleOf(settings)}: ${(error as Error).message}`];
      }
    }),
    ...dynamic.flatMap(({ name, filePath }) => [...(name === "" ? ["name is required"] : []), ...(filePath === "" ? ["filePath is required"] : [])]),
    ...twice(dynamic.map(({ name }) => name ?? "")).map((name) => `duplicated flowlog name ${name}`),
    ...twice(dynamic.map(({ filePath }) => filePath)).map((path) => `duplicated flowlog path ${path}`),
  ];
}

function titleOf({ name }: FlowExport): string {
  return name === null ? "hubble.export.static" : `hubble.export.dynamic, ${name === "" ? "an entry without a name" : name}`;
}
