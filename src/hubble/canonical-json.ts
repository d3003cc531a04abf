/**
 * Reads messages from JSON in the form that exporters write: names of the .proto, enums by name, 64-bit integers as text, times
 * in UTC. What is written in any other way, or wrong, is left to the library, which is slower and decides what it means;
 * the result is the same message. A test holds both equal.
 */
import { ScalarType, create, type DescField, type DescMessage, type JsonObject, type JsonValue, type MessageShape } from "@bufbuild/protobuf";

/** Not canonical: to be read by the library. */
const NOT_CANONICAL = Symbol("not canonical");

type Target = Record<string, unknown>;
type Setter = (target: Target, value: JsonValue) => void;
type Decoder = (json: JsonValue) => Target;

/** The message, or undefined when the JSON is not canonical. */
export function fromCanonicalJson<Desc extends DescMessage>(desc: Desc, json: JsonObject): MessageShape<Desc> | undefined {
  try {
    return decoderOf(desc)(json) as unknown as MessageShape<Desc>;
  } catch (error) {
    if (error === NOT_CANONICAL) return undefined;
    throw error;
  }
}

/** Texts with surrogates may be ill-formed, which the library refuses. */
export function mayBeIllFormed(text: string): boolean {
  return /[\ud800-\udfff]/.test(text) || (text.includes("\\u") && /\\u[dD][89a-fA-F]/.test(text));
}

const decoders = new Map<DescMessage, Decoder>();

function decoderOf(desc: DescMessage): Decoder {
  let decoder = decoders.get(desc);
  if (decoder === undefined) {
    decoder = buildDecoder(desc);
    decoders.set(desc, decoder);
  }
  return decoder;
}

function buildDecoder(desc: DescMessage): Decoder {
  // Lists and oneofs are objects: each message needs its own.
  const empty = { ...create(desc) } as unknown as Target;
  const lists = desc.fields.filter(({ fieldKind }) => fieldKind === "list").map(({ localName }) => localName);
  const oneofs = desc.oneofs.map(({ localName }) => localName);
  let setters: Map<string, Setter> | undefined;
  return (json) => {
    if (typeof json !== "object" || json === null || Array.isArray(json)) throw NOT_CANONICAL;
    setters ??= new Map(desc.fields.map((field) => [field.name, fieldSetter(field)]));
    const target = { ...empty };
    for (const name of lists) target[name] = [];
    for (const name of oneofs) target[name] = { case: undefined };
    for (const key in json) {
      const set = setters.get(key);
      if (set === undefined) throw NOT_CANONICAL;
      set(target, json[key]!);
    }
    return target;
  };
}

function fieldSetter(field: DescField): Setter {
  const { localName, oneof } = field;
  if (field.fieldKind === "map") return unreadable;
  const read = valueReader(field);
  if (field.fieldKind === "list") {
    return (target, value) => {
      if (!Array.isArray(value)) throw NOT_CANONICAL;
      target[localName] = value.map(read);
    };
  }
  if (oneof !== undefined) {
    return (target, value) => {
      if ((target[oneof.localName] as { readonly case?: string }).case !== undefined) throw NOT_CANONICAL;
      target[oneof.localName] = { case: localName, value: read(value) };
    };
  }
  return (target, value) => {
    target[localName] = read(value);
  };
}

function unreadable(): never {
  throw NOT_CANONICAL;
}

function valueReader(field: Exclude<DescField, { fieldKind: "map" }>): (value: JsonValue) => unknown {
  if (field.message !== undefined) return messageReader(field.message);
  if (field.enum !== undefined) {
    const numbers = new Map(field.enum.values.map(({ name, number }) => [name, number]));
    return (value) => numbers.get(value as string) ?? unreadable();
  }
  return SCALARS.get(field.scalar!) ?? unreadable;
}

const readBool = (value: JsonValue): boolean => (typeof value === "boolean" ? value : unreadable());
const readUint32 = (value: JsonValue): number => (typeof value === "number" && value === value >>> 0 ? value : unreadable());
const readInt32 = (value: JsonValue): number => (typeof value === "number" && value === (value | 0) ? value : unreadable());
/** Fewer digits than any 64-bit limit has. */
const SAFE_DIGITS = /^\d{1,18}$/;
const readInteger = (value: JsonValue): bigint => (typeof value === "string" && SAFE_DIGITS.test(value) ? BigInt(value) : unreadable());

const SCALARS: ReadonlyMap<ScalarType, (value: JsonValue) => unknown> = new Map<ScalarType, (value: JsonValue) => unknown>([
  [ScalarType.STRING, (value) => (typeof value === "string" ? value : unreadable())],
  [ScalarType.BOOL, readBool],
  [ScalarType.UINT32, readUint32],
  [ScalarType.INT32, readInt32],
  [ScalarType.UINT64, readInteger],
  [ScalarType.INT64, readInteger],
]);

function messageReader(desc: DescMessage): (value: JsonValue) => unknown {
  switch (desc.typeName) {
    case "google.protobuf.Timestamp":
      return timestampReader();
    case "google.protobuf.BoolValue":
      return readBool;
    case "google.protobuf.UInt32Value":
      return readUint32;
    case "google.protobuf.Int32Value":
      return readInt32;
    default:
      return desc.file.proto.package === "google.protobuf" ? unreadable : (value) => decoderOf(desc)(value);
  }
}

const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(\d{1,9}))?Z$/;
/** Length of the part to whole seconds. */
const SECONDS_LENGTH = 19;
const MS_PER_SECOND = 1000;

function timestampReader(): (value: JsonValue) => unknown {
  // Flows that follow one another mostly share the second.
  let lastText = "";
  let lastSeconds = 0n;
  return (value) => {
    const match = typeof value === "string" ? TIMESTAMP.exec(value) : null;
    if (match === null) return unreadable();
    const text = match[0].slice(0, SECONDS_LENGTH);
    if (text !== lastText) {
      const ms = Date.parse(`${text}Z`);
      // The library says what is wrong with a date that is none, or out of range.
      if (Number.isNaN(ms) || ms < Date.parse("0001-01-01T00:00:00Z")) return unreadable();
      lastText = text;
      lastSeconds = BigInt(ms / MS_PER_SECOND);
    }
    const nanos = match[1] === undefined ? 0 : Number(match[1].padEnd(9, "0"));
    return { $typeName: "google.protobuf.Timestamp", seconds: lastSeconds, nanos };
  };
}
