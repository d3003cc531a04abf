/** Arbitrary protobuf messages as JSON, by their descriptors. */
import type { DescField, DescMessage, JsonObject, JsonValue } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import fc from "fast-check";

/** JSON of a message with some of its fields, in the form in which exporters write it; depth bounds messages in messages. */
export function messageJson(desc: DescMessage, depth = 3): fc.Arbitrary<JsonObject> {
  const fields = desc.fields.filter((field) => field.fieldKind !== "map" && (depth > 0 || field.message === undefined) && !isForeign(field));
  return fc.subarray([...fields]).chain((chosen) => {
    // One member of each oneof.
    const kept = chosen.filter((field, index) => field.oneof === undefined || chosen.findIndex(({ oneof }) => oneof === field.oneof) === index);
    return fc.record(Object.fromEntries(kept.map((field) => [field.name, fieldJson(field, depth)]))) as fc.Arbitrary<JsonObject>;
  });
}

/** Messages that name their own type. */
function isForeign({ message }: DescField): boolean {
  return message?.typeName === "google.protobuf.Any" || message?.typeName === "google.protobuf.FieldMask";
}

function fieldJson(field: DescField, depth: number): fc.Arbitrary<JsonValue> {
  const one = valueJson(field, depth);
  return field.fieldKind === "list" ? fc.array(one, { maxLength: 3 }) : one;
}

function valueJson(field: DescField, depth: number): fc.Arbitrary<JsonValue> {
  if (field.enum !== undefined) return fc.constantFrom(...field.enum.values.map(({ name }) => name));
  if (field.message === undefined) return SCALARS.get((field as { readonly scalar: ScalarType }).scalar)!;
  switch (field.message.typeName) {
    case "google.protobuf.Timestamp":
      return timestamp;
    case "google.protobuf.BoolValue":
      return fc.boolean();
    case "google.protobuf.UInt32Value":
      return uint32;
    case "google.protobuf.Int32Value":
      return int32;
    default:
      return messageJson(field.message, depth - 1);
  }
}

const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const int32 = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff });
const timestamp = fc
  .tuple(fc.integer({ min: -62_135_596_800, max: 253_402_300_799 }), fc.constantFrom("", ".5", ".000001", ".123456789"))
  .map(([seconds, fraction]) => new Date(seconds * 1000).toISOString().replace(/^\+0*/, "").replace(/\.\d+Z$/, `${fraction}Z`));

const SCALARS: ReadonlyMap<ScalarType, fc.Arbitrary<JsonValue>> = new Map<ScalarType, fc.Arbitrary<JsonValue>>([
  [ScalarType.STRING, fc.string({ unit: fc.constantFrom("a", "<", "&", '"', "é", "\u2028", "\u{1f600}", "\n") })],
  [ScalarType.BOOL, fc.boolean()],
  [ScalarType.UINT32, uint32],
  [ScalarType.INT32, int32],
  [ScalarType.UINT64, fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }).map(String)],
  [ScalarType.INT64, fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }).map(String)],
  // JSON has no negative zero.
  [ScalarType.DOUBLE, fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0)],
]);
