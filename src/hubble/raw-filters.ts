/** Filters as JSON and YAML: `--allowlist`, `--denylist`, `--print-raw-filters`. */
import type { JsonValue } from "@bufbuild/protobuf";
import { fromProtoJson, protoJson } from "./json.js";
import type { ClientRelease } from "./names.js";
import { FlowFilterSchema, type FlowFilter } from "./proto/flow_pb.js";
import { knownFields } from "./release-fields.js";

/** One or more FlowFilter objects, with or without blanks between. Throws an Error that names the text. */
export function parseRawFilters(text: string, release: ClientRelease): FlowFilter[] {
  try {
    return jsonValues(text).map((json) => {
      const unknown: string[] = [];
      const known = knownFields(FlowFilterSchema, json, release, unknown);
      if (unknown[0] !== undefined) throw new Error(`unknown field "${unknown[0]}"`);
      return fromProtoJson(FlowFilterSchema, known);
    });
  } catch (error) {
    throw new Error(`failed to decode '${text}': ${(error as Error).message}`);
  }
}

const JSON_TOKEN = /"(?:[^"\\]|\\.)*"|[{}]|[^"{}]+|"/g;

/** Splits a text at the ends of its outermost objects. */
function jsonValues(text: string): JsonValue[] {
  const values: JsonValue[] = [];
  let depth = 0;
  let start = 0;
  for (const { 0: token, index } of text.matchAll(JSON_TOKEN)) {
    if (token === "{") depth++;
    if (token !== "}" || --depth > 0) continue;
    values.push(JSON.parse(text.slice(start, index + 1)) as JsonValue);
    start = index + 1;
  }
  if (text.slice(start).trim() !== "") values.push(JSON.parse(text.slice(start)) as JsonValue);
  return values;
}

/** The lists as the client prints them: YAML of JSON texts. */
export function rawFiltersYaml(allow: readonly FlowFilter[], deny: readonly FlowFilter[]): string {
  const lists = yamlList("allowlist", allow) + yamlList("denylist", deny);
  return lists === "" ? "{}\n" : lists;
}

function yamlList(name: string, filters: readonly FlowFilter[]): string {
  if (filters.length === 0) return "";
  return `${name}:\n${filters.map((filter) => `    - ${yamlScalar(protoJson(FlowFilterSchema, filter))}\n`).join("")}`;
}

/** Characters for which go-yaml leaves single quotes: what it does not take for printable. */
const SPECIAL = /[^\n\u0020-\u007e\u0085\u00a0-\ud7ff\ue000-\ufefe\uff00-\ufffd]|[\u{10000}-\u{10ffff}]/u;

/** A text that starts with a brace, as go-yaml quotes it. */
function yamlScalar(text: string): string {
  if (!SPECIAL.test(text)) return `'${text.replaceAll("'", "''")}'`;
  const escaped = [...text].map((char) => (SPECIAL.test(char) ? yamlEscape(char.codePointAt(0)!) : /["\\]/.test(char) ? `\\${char}` : char));
  return `"${escaped.join("")}"`;
}

function yamlEscape(code: number): string {
  const hex = code.toString(16).toUpperCase();
  if (code <= 0xff) return `\\x${hex.padStart(2, "0")}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}
