// Writes the scenario format's JSON Schema, from the built package: npm run build && node scripts/write-schema.mjs
import { mkdirSync, writeFileSync } from "node:fs";
import { scenarioJsonSchema } from "../dist/scenario/json-schema.js";

const folder = new URL("../scenarios/schema/", import.meta.url);
mkdirSync(folder, { recursive: true });
writeFileSync(new URL("ctlab-v1.json", folder), `${JSON.stringify(scenarioJsonSchema(), null, 2)}\n`);
