import type { Command } from "commander";

/** `ctlab schema`: the JSON Schema of scenario files, for editors. */
export function addSchemaCommand(program: Command): void {
  program
    .command("schema")
    .summary("JSON Schema of scenario files, for editors")
    .description("Prints the JSON Schema of scenario files. Editors take it from a file's first line:\n\n# yaml-language-server: $schema=ctlab-v1.json")
    .addHelpText("after", "\nExample:\n  ctlab schema > ctlab-v1.json\n")
    .action(async () => {
      const { scenarioJsonSchema } = await import("../scenario/json-schema.js");
      process.stdout.write(`${JSON.stringify(scenarioJsonSchema(), null, 2)}\n`);
    });
}
