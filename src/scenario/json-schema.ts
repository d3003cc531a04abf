/** The scenario format as JSON Schema, for editors: from the same source as the validator. */

import { z } from "zod";
import { scenarioSchema } from "./schema.js";

export type JsonSchema = { readonly [key: string]: unknown };

/** Draft 7 is what yaml-language-server and editors support whole. */
const DRAFT = "draft-7";
const TITLE = "ctlab scenario, version 1";
/** Keys that a variant can't change. */
const FIXED = ["apiVersion", "name"];

/** JSON Schema (draft 7) of a scenario file. Plain data, the same at every call. */
export function scenarioJsonSchema(): JsonSchema {
  const root = z.toJSONSchema(scenarioSchema, { io: "input", target: DRAFT, unrepresentable: "any", reused: "inline" }) as JsonSchema;
  const properties = root["properties"] as Record<string, JsonSchema>;
  const variants = {
    description: "Changes to the scenario under a name. Mappings merge with the base, lists replace, null takes a key away.",
    type: "object",
    propertyNames: { pattern: "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$" },
    additionalProperties: { anyOf: [{ type: "null" }, variantSchema(root)] },
  };
  return { $schema: root["$schema"], title: TITLE, ...root, properties: { ...properties, variants } };
}

/** The root without what variants can't change, where nothing is required. */
function variantSchema(root: JsonSchema): JsonSchema {
  const properties = Object.entries(root["properties"] as Record<string, JsonSchema>).filter(([key]) => !FIXED.includes(key));
  return {
    type: "object",
    additionalProperties: false,
    properties: Object.fromEntries(properties.map(([key, schema]) => [key, changeable(schema)])),
  };
}

/** A mapping of which any part may be given, or null. Lists replace as a whole, so their items stay as they are. */
function changeable(schema: JsonSchema): JsonSchema {
  const { required: _required, default: _default, ...rest } = schema;
  if (rest["type"] !== "object") return nullable(rest);
  const properties = Object.entries((rest["properties"] ?? {}) as Record<string, JsonSchema>);
  const others = rest["additionalProperties"];
  return nullable({
    ...rest,
    ...(properties.length > 0 ? { properties: Object.fromEntries(properties.map(([key, each]) => [key, changeable(each)])) } : {}),
    ...(typeof others === "object" ? { additionalProperties: changeable(others as JsonSchema) } : {}),
  });
}

function nullable(schema: JsonSchema): JsonSchema {
  const { description, ...rest } = schema;
  return { ...(description === undefined ? {} : { description }), anyOf: [rest, { type: "null" }] };
}
