/**
 * `npm run bench [-- [--quick] [FILTER]]`: runs the modules of this folder that export `run`, one after the other, those
 * whose name holds FILTER. Prints their tables and keeps them under reports/bench-NAME.md and .json.
 *
 * A module's `run({ quick })` resolves to tables: { title, notes?: string[], columns: string[], rows: (string|number)[][] }.
 * Peers outside the project take part when an environment variable names them, see bench/event-queue.mjs.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { machine, markdownTable, textTable } from "./core-tables.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const REPORTS = join(HERE, "..", "reports");

const { values, positionals } = parseArgs({ options: { quick: { type: "boolean", default: false } }, allowPositionals: true });
const [filter = ""] = positionals;

const modules = readdirSync(HERE)
  .filter((name) => name.endsWith(".mjs") && name.includes(filter))
  // Looked at as text, as importing a module that measures by itself would start it.
  .filter((name) => /^export (async )?function run\b/m.test(readFileSync(join(HERE, name), "utf8")))
  .sort();
if (modules.length === 0) {
  console.error(`no benchmark has "${filter}" in its name`);
  process.exit(2);
}

const where = machine();
console.log(where);
mkdirSync(REPORTS, { recursive: true });
for (const name of modules) {
  const { run } = await import(join(HERE, name));
  const tables = (await run({ quick: values.quick })) ?? [];
  for (const table of tables) console.log(`\n${textTable(table)}`);
  const stem = join(REPORTS, `bench-${name.replace(/\.mjs$/, "")}`);
  writeFileSync(`${stem}.md`, [`# ${name}`, where, ...tables.map(markdownTable)].join("\n\n") + "\n");
  writeFileSync(`${stem}.json`, JSON.stringify({ module: name, machine: where, quick: values.quick, tables }, null, 2) + "\n");
}
