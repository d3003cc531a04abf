import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { changed, VALID } from "../../test/scenario/fixtures.js";
import { scenarioJsonSchema } from "./json-schema.js";

const schema = scenarioJsonSchema();
const validator = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
const accepts = (text: string): boolean => validator.safeParse(parse(text)).success;

describe("the JSON Schema", () => {
  it("is the one that is shipped (node scripts/write-schema.mjs writes it)", () => {
    expect(JSON.parse(readFileSync("scenarios/schema/ctlab-v1.json", "utf8"))).toEqual(schema);
  });

  it("describes itself and what it can", () => {
    expect(schema).toMatchObject({ $schema: "http://json-schema.org/draft-07/schema#", type: "object", additionalProperties: false });
    const properties = schema["properties"] as Record<string, { description?: string }>;
    expect(Object.keys(properties)).toContain("variants");
    expect(properties["duration"]!.description).toBe("Simulated time.");
    expect(schema["required"]).toEqual(["apiVersion", "name", "profile", "duration"]);
  });

  it("accepts what the validator accepts", () => {
    expect(accepts(VALID)).toBe(true);
    for (const name of readdirSync("scenarios").filter((each) => each.endsWith(".yaml"))) {
      expect(accepts(readFileSync(`scenarios/${name}`, "utf8")), name).toBe(true);
    }
  });

  it.each([
    ["warmup:", "warmpu:"],
    ["nodes: 3", "nodse: 3"],
    ["duration: 5m", "duration: 5 minutes"],
    ["close: server", "close: sever"],
    ["poisson: 100/s", "poisson: 100"],
    ["about: Twice", "abuot: Twice"],
    ["  bigger:", "  Bigger One:"],
    ["duration: 5m\n", ""],
  ])("refuses %j → %j", (from, to) => {
    expect(accepts(changed(from, to))).toBe(false);
  });
});
