/**
 * Which fields and names of our .proto files hubble 0.12.3 does not know: those that came with later releases. Reading as that
 * client leaves such fields out and refuses lines with such names.
 */
import type { DescEnum, DescField, DescMessage, JsonObject, JsonValue } from "@bufbuild/protobuf";
import { DropReasonSchema, TraceObservationPointSchema } from "./proto/flow_pb.js";
import type { ClientRelease } from "./names.js";

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
  if (field.message !== undefined) return knownFields(field.message, value, release, unknown);
  if (field.enum !== undefined && typeof value === "string" && !knowsName(field.enum, value, release)) {
    throw new UnknownNameError(`field ${field.name}: unknown name ${JSON.stringify(value)}`);
  }
  return value;
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
