/**
 * Reads lines of flow files: what an agent exports and `hubble observe -o jsonpb` prints, one GetFlowsResponse on each, or, with
 * release "latest", bare flows, as older clients print them. Stands for hubble 0.12.3's io_reader_observer.go: an unknown
 * field is noted once and tolerated, a line that can't be read is skipped.
 */
import { create, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import { fromCanonicalJson, mayBeIllFormed } from "./canonical-json.js";
import { fromProtoJson } from "./json.js";
import type { ClientRelease } from "./names.js";
import { FlowSchema } from "./proto/flow_pb.js";
import {
  ExportEventSchema, GetAgentEventsResponseSchema, GetDebugEventsResponseSchema, GetFlowsResponseSchema,
  type GetAgentEventsResponse, type GetDebugEventsResponse, type GetFlowsResponse,
} from "./proto/observer_pb.js";
import { knownFields } from "./release-fields.js";

/** What was wrong with lines; those of exporters that hold agent or debug events are not wrong, yet no flows. */
export interface ReadingProblems {
  /** Called for each line that is skipped. */
  skipped(reason: string): void;
  /** Called for each name of a field that nobody knows, when it is seen first. */
  unknownField(name: string): void;
}

/** In what JSON.stringify writes only lone surrogates are escaped. */
const LONE_SURROGATE = /(?<!\\)(?:\\\\)*\\ud[89a-f]/;
const OTHER_EVENTS = ["agent_event", "agentEvent", "debug_event", "debugEvent"];
const WRAPPER_KEYS = new Set(["flow", "node_status", "nodeStatus", "lost_events", "lostEvents", ...OTHER_EVENTS]);
/** Shown of a line's error. */
const REASON_LENGTH = 200;

export class FlowLineReader {
  readonly #release: ClientRelease;
  readonly #problems: ReadingProblems;
  readonly #noted = new Set<string>();

  constructor(release: ClientRelease, problems: ReadingProblems) {
    this.#release = release;
    this.#problems = problems;
  }

  /** The response on a line, undefined when it is skipped. */
  read(line: string): GetFlowsResponse | undefined {
    try {
      const json = parseLongIntegers(line);
      if (this.#release === "latest" && isObject(json) && !mayBeIllFormed(line)) {
        const response = fromCanonicalJson(GetFlowsResponseSchema, json);
        if (response !== undefined) return response;
      }
      if (mayBeIllFormed(line) && LONE_SURROGATE.test(JSON.stringify(json))) throw new Error("holds half of a surrogate pair");
      return this.#response(json);
    } catch (error) {
      this.#problems.skipped((error as Error).message.slice(0, REASON_LENGTH));
      return undefined;
    }
  }

  #response(json: JsonValue): GetFlowsResponse {
    if (!isObject(json)) throw new Error("is not a JSON object");
    const tolerant = this.#release === "latest";
    if (tolerant && isBareFlow(json)) {
      const flow = this.#message(FlowSchema, json);
      return create(GetFlowsResponseSchema, {
        responseTypes: { case: "flow", value: flow },
        nodeName: flow.nodeName,
        ...(flow.time === undefined ? {} : { time: flow.time }),
      });
    }
    return this.#message(GetFlowsResponseSchema, tolerant ? withoutOtherEvents(json) : json);
  }

  #message<Schema extends typeof FlowSchema | typeof GetFlowsResponseSchema>(schema: Schema, json: JsonObject) {
    if (this.#release === "latest") {
      try {
        return fromProtoJson(schema, json);
      } catch {
        // Once more without unknown fields; if that was not what is wrong, it fails again.
      }
    }
    const unknown: string[] = [];
    const message = fromProtoJson(schema, knownFields(schema, json, this.#release, unknown));
    for (const name of unknown) {
      if (this.#noted.has(name)) continue;
      this.#noted.add(name);
      this.#problems.unknownField(name);
    }
    return message;
  }
}

function isObject(json: JsonValue): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

function isBareFlow(json: JsonObject): boolean {
  const keys = Object.keys(json);
  return !keys.some((key) => WRAPPER_KEYS.has(key)) && keys.some((key) => key !== "time" && key !== "node_name" && key !== "nodeName");
}

/** An exporter's agent and debug events are responses without a flow. */
function withoutOtherEvents(json: JsonObject): JsonObject {
  if (!OTHER_EVENTS.some((key) => json[key] !== undefined)) return json;
  return Object.fromEntries(Object.entries(json).filter(([key]) => !OTHER_EVENTS.includes(key)));
}

/**
 * The event of the agent or of debugging on an exporter's line (`ExportEvent`); undefined when the line holds none, or none that
 * can be read.
 */
export function readNodeEvent(line: string): GetAgentEventsResponse | GetDebugEventsResponse | undefined {
  if (!MAY_HOLD_EVENT.test(line)) return undefined;
  try {
    const { responseTypes, nodeName, time } = fromProtoJson(ExportEventSchema, parseLongIntegers(line), true);
    const common = { nodeName, ...(time === undefined ? {} : { time }) };
    if (responseTypes.case === "agentEvent") return create(GetAgentEventsResponseSchema, { agentEvent: responseTypes.value, ...common });
    if (responseTypes.case === "debugEvent") return create(GetDebugEventsResponseSchema, { debugEvent: responseTypes.value, ...common });
    return undefined;
  } catch {
    return undefined;
  }
}

const MAY_HOLD_EVENT = /"(?:agent|debug)_?[eE]vent"\s*:/;

/** Integers too long for a double, and texts so that they are passed over. */
const LONG_INTEGER = /"(?:[^"\\]|\\.)*"|-?\d{16,}(?![\d.eE])/g;
const MAY_HAVE_LONG_INTEGER = /\d{16}/;

/** JSON.parse, with long integers as texts, which 64-bit fields take as well: a double would round them. */
function parseLongIntegers(text: string): JsonValue {
  if (!MAY_HAVE_LONG_INTEGER.test(text)) return JSON.parse(text) as JsonValue;
  return JSON.parse(text.replace(LONG_INTEGER, (token) => (token.startsWith('"') ? token : `"${token}"`))) as JsonValue;
}
