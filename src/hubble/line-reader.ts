/**
 * Reads lines of flow files: what an agent exports and `hubble observe -o jsonpb` prints, one GetFlowsResponse on each, or, with
 * release "latest", bare flows, as older clients print them. Stands for hubble 0.12.3's io_reader_observer.go: an unknown
 * field is noted once and tolerated, a line that can't be read is skipped.
 */
import { create, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import { fromCanonicalJson, mayBeIllFormed } from "./canonical-json.js";
import { MessageReader, type ReadingProblems } from "./message-reader.js";
import type { ClientRelease } from "./names.js";
import { FlowSchema } from "./proto/flow_pb.js";
import {
  ExportEventSchema, GetAgentEventsResponseSchema, GetDebugEventsResponseSchema, GetFlowsResponseSchema,
  type GetAgentEventsResponse, type GetDebugEventsResponse, type GetFlowsResponse,
} from "./proto/observer_pb.js";

/** In what JSON.stringify writes only lone surrogates are escaped. */
const LONE_SURROGATE = /(?<!\\)(?:\\\\)*\\ud[89a-f]/;
const OTHER_EVENTS = ["agent_event", "agentEvent", "debug_event", "debugEvent"];
/** Fields of a flow that a response has not. */
const FLOW_KEYS = new Set(FlowSchema.fields.filter(({ name }) => name !== "time" && name !== "node_name").flatMap(({ name, jsonName }) => [name, jsonName]));
const WRAPPER_KEYS = new Set(["flow", "node_status", "nodeStatus", "lost_events", "lostEvents", ...OTHER_EVENTS]);

export class FlowLineReader {
  readonly #release: ClientRelease;
  readonly #reader: MessageReader;

  constructor(release: ClientRelease, problems: ReadingProblems) {
    this.#release = release;
    this.#reader = new MessageReader(release, problems);
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
      return this.#reader.skip(error);
    }
  }

  #response(json: JsonValue): GetFlowsResponse {
    if (!isObject(json)) throw new Error("is not a JSON object");
    const tolerant = this.#release === "latest";
    if (tolerant && isBareFlow(json)) {
      const flow = this.#reader.message(FlowSchema, json);
      return create(GetFlowsResponseSchema, {
        responseTypes: { case: "flow", value: flow },
        nodeName: flow.nodeName,
        ...(flow.time === undefined ? {} : { time: flow.time }),
      });
    }
    return this.#reader.message(GetFlowsResponseSchema, tolerant ? withoutOtherEvents(json) : json);
  }
}

function isObject(json: JsonValue): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

function isBareFlow(json: JsonObject): boolean {
  const keys = Object.keys(json);
  return !keys.some((key) => WRAPPER_KEYS.has(key)) && keys.some((key) => FLOW_KEYS.has(key));
}

/** An exporter's agent and debug events are responses without a flow. */
function withoutOtherEvents(json: JsonObject): JsonObject {
  if (!OTHER_EVENTS.some((key) => json[key] !== undefined)) return json;
  return Object.fromEntries(Object.entries(json).filter(([key]) => !OTHER_EVENTS.includes(key)));
}

/** Reads events of agents and of debugging from exporters' lines (`ExportEvent`). */
export class NodeEventReader {
  readonly #reader: MessageReader;

  constructor(problems: ReadingProblems) {
    this.#reader = new MessageReader("latest", problems);
  }

  /** The event on a line; undefined when it holds none, or is skipped. */
  read(line: string): GetAgentEventsResponse | GetDebugEventsResponse | undefined {
    if (!mayHoldEvent(line)) return undefined;
    try {
      const json = parseLongIntegers(line);
      if (!isObject(json)) throw new Error("is not a JSON object");
      const { responseTypes, nodeName, time } = this.#reader.message(ExportEventSchema, json);
      const common = { nodeName, ...(time === undefined ? {} : { time }) };
      if (responseTypes.case === "agentEvent") return create(GetAgentEventsResponseSchema, { agentEvent: responseTypes.value, ...common });
      if (responseTypes.case === "debugEvent") return create(GetDebugEventsResponseSchema, { debugEvent: responseTypes.value, ...common });
      return undefined;
    } catch (error) {
      return this.#reader.skip(error);
    }
  }
}

/** False where a look tells that a line holds no event of an agent and none of debugging. */
export function mayHoldEvent(line: string): boolean {
  return MAY_HOLD_EVENT.test(line);
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
