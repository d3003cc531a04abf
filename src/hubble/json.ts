/**
 * Hubble's messages as JSON, as its exporter and `hubble observe -o jsonpb` write them: protobuf's JSON mapping with the
 * names of the .proto files, keys in the order of declaration, no blanks, and the characters escaped that Go's
 * encoding/json escapes. The mapping is the library's; order and escapes are laid over it here.
 */
import { createRegistry, fromJson, toJson, type DescMessage, type JsonObject, type JsonValue, type MessageShape } from "@bufbuild/protobuf";
import { file_flow } from "./proto/flow_pb.js";
import { file_observer } from "./proto/observer_pb.js";
import { file_peer } from "./proto/peer_pb.js";
import { file_relay } from "./proto/relay_pb.js";

/** For `google.protobuf.Any`, whose JSON names the type. */
const registry = createRegistry(file_flow, file_observer, file_peer, file_relay);

/** One message on one line, without a newline. */
export function protoJson<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): string {
  return writeMessage(schema, toJson(schema, message, { useProtoFieldName: true, registry }));
}

/**
 * Reads a message from parsed JSON: names of the .proto or camel case, enums by name or number, 64-bit integers as text or
 * number. Throws an Error that says which field is wrong; with `ignoreUnknownFields` unknown names pass.
 */
export function fromProtoJson<Desc extends DescMessage>(schema: Desc, json: JsonValue, ignoreUnknownFields = false): MessageShape<Desc> {
  return fromJson(schema, json, { ignoreUnknownFields, registry });
}

function writeMessage(desc: DescMessage, json: JsonValue): string {
  if (desc.file.proto.package === "google.protobuf" || !isObject(json)) return goJson(json);
  let text = "";
  for (const field of desc.fields) {
    const value = json[field.name];
    if (value === undefined) continue;
    const nested = field.message;
    const written =
      nested === undefined ? goJson(value) : Array.isArray(value) ? `[${value.map((each) => writeMessage(nested, each)).join(",")}]` : writeMessage(nested, value);
    text += `${text === "" ? "" : ","}"${field.name}":${written}`;
  }
  return `{${text}}`;
}

function isObject(json: JsonValue): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

const ESCAPED = /[<>&\u2028\u2029]/g;

/** A value as Go's encoding/json writes it; with `indent` on lines of their own, as MarshalIndent does. */
export function goJson(value: JsonValue, indent = 0): string {
  return JSON.stringify(value, null, indent).replace(ESCAPED, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
