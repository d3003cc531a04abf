/**
 * Which fields and names of our .proto files hubble 0.12.3 does not know: those that came with later releases. Reading as that
 * client leaves such fields out and refuses lines with such names.
 */
import { ScalarType, type DescEnum, type DescField, type DescMessage, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import { TimestampSchema } from "@bufbuild/protobuf/wkt";
import type { ClientRelease } from "./names.js";
import { DropReasonSchema, TraceObservationPointSchema } from "./proto/flow_pb.js";
import { formatTime, parseRfc3339 } from "./times.js";

const NEWER_FIELDS: Readonly<Record<string, readonly string[]>> = {
  "flow.Flow": [
    "emitter",
    "tunnel",
    "node_labels",
    "trace_reason",
    "file",
    "ip_trace_id",
    "extensions",
    "egress_allowed_by",
    "ingress_allowed_by",
    "egress_denied_by",
    "ingress_denied_by",
    "policy_log",
    "aggregate",
  ],
  "flow.FlowFilter": [
    "source_ip_xlated",
    "source_cluster_name",
    "destination_cluster_name",
    "drop_reason_desc",
    "interface",
    "http_url",
    "http_header",
    "node_labels",
    "ip_trace_id",
    "encrypted",
    "experimental",
  ],
  "flow.Endpoint": ["cluster_name"],
  "flow.IP": ["source_xlated"],
  "flow.Layer4": ["VRRP", "IGMP"],
  "flow.LostEvent": ["first", "last"],
  "observer.GetFlowsRequest": ["field_mask", "extensions"],
  "observer.ServerStatusResponse": ["flows_rate"],
};

const NEWER_NAMES: ReadonlyMap<string, readonly string[]> = new Map([
  [
    DropReasonSchema.typeName,
    [
      "UNENCRYPTED_TRAFFIC",
      "DROP_RATE_LIMITED",
      "IGMP_HANDLED",
      "IGMP_SUBSCRIBED",
      "MULTICAST_HANDLED",
      "DROP_HOST_NOT_READY",
      "DROP_EP_NOT_READY",
      "DROP_NO_EGRESS_IP",
      "DROP_PUNT_PROXY",
    ],
  ],
  [TraceObservationPointSchema.typeName, ["FROM_CRYPTO", "TO_CRYPTO"]],
]);

/** A name of an enum's value that nobody knows. */
export class UnknownNameError extends Error {
  override readonly name = "UnknownNameError";
}

/** A message's JSON without the fields that the release does not know; `unknown` gets their names. */
export function knownFields(desc: DescMessage, json: JsonValue, release: ClientRelease, unknown: string[]): JsonValue {
  if (typeof json !== "object" || json === null || Array.isArray(json) || desc.file.proto.package === "google.protobuf") return json;
  const newer = release === "latest" ? undefined : NEWER_FIELDS[desc.typeName];
  const known: JsonObject = {};
  for (const [key, value] of Object.entries(json)) {
    const field = fieldsOf(desc).get(key);
    if (field === undefined || newer?.includes(field.name) === true) unknown.push(key);
    else known[key] = knownValue(field, value, release, unknown);
  }
  return known;
}

function knownValue(field: DescField, value: JsonValue, release: ClientRelease, unknown: string[]): JsonValue {
  if (Array.isArray(value)) return value.map((each) => knownValue(field, each, release, unknown));
  if (field.message?.typeName === TimestampSchema.typeName && typeof value === "string") return knownTime(field, value);
  if (field.message !== undefined) return knownFields(field.message, value, release, unknown);
  if (field.scalar === ScalarType.UINT64 || field.scalar === ScalarType.INT64) return knownInteger(field, value);
  if (field.enum !== undefined && typeof value === "string" && !knowsName(field.enum, value, release)) {
    throw new UnknownNameError(`field ${field.name}: unknown name ${JSON.stringify(value)}`);
  }
  return value;
}

/** Times that Go reads and the library does not, and the reverse: as Go reads them. */
function knownTime(field: DescField, text: string): string {
  const instant = parseRfc3339(text);
  if (instant === undefined) throw new Error(`field ${field.name}: invalid time ${JSON.stringify(text)}`);
  return formatTime("rfc3339nano", instant);
}

const NUMBER = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?(?:[eE]([-+]?\d+))?$/;
/** Exponents beyond it are out of any range. */
const EXPONENT_MAX = 20;

/** 64-bit integers as Go reads them: any JSON number, as number or text, without a fraction that counts. */
function knownInteger(field: DescField, value: JsonValue): JsonValue {
  if (typeof value !== "string") return value;
  const match = NUMBER.exec(value);
  if (match === null) throw new Error(`field ${field.name}: invalid number ${JSON.stringify(value)}`);
  const [, sign, whole, fraction = "", exponent = "0"] = match;
  const shift = Number(exponent) - fraction.length;
  const digits = `${whole!}${fraction}`.replace(/^0+(?=\d)/, "");
  const kept = shift >= 0 ? digits + "0".repeat(Math.min(shift, EXPONENT_MAX)) : digits.slice(0, shift) || "0";
  if (shift < 0 && /[1-9]/.test(digits.slice(shift))) throw new Error(`field ${field.name}: ${JSON.stringify(value)} is no integer`);
  return `${kept === "0" ? "" : sign!}${kept}`;
}

function knowsName(desc: DescEnum, name: string, release: ClientRelease): boolean {
  if (release === "0.12.3" && NEWER_NAMES.get(desc.typeName)?.includes(name) === true) return false;
  return desc.values.some((value) => value.name === name);
}

const fieldsByDesc = new WeakMap<DescMessage, ReadonlyMap<string, DescField>>();

/** Fields by both of their names. */
function fieldsOf(desc: DescMessage): ReadonlyMap<string, DescField> {
  let fields = fieldsByDesc.get(desc);
  if (fields === undefined) {
    fields = new Map(desc.fields.flatMap((field) => [[field.name, field], [field.jsonName, field]] as const));
    fieldsByDesc.set(desc, fields);
  }
  return fields;
}
