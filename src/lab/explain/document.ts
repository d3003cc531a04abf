/** `ctlab explain --json`. */
import { layOut } from "../../report/json.js";
import type { ExplainResult } from "../explain.js";

const SCHEMA_VERSION = 1;

export function explainJson({ run, noted, explanations, differing }: ExplainResult): string {
  return layOut({
    schemaVersion: SCHEMA_VERSION,
    run: run.dir,
    command: run.command,
    ...(noted === null ? {} : { noted: noted.map(({ variant, noted: each }) => ({ variant: variant.name, ...each! })) }),
    explanations: explanations.map(({ trace, ...rest }) => ({ ...rest, records: trace.records, omitted: trace.omitted })),
    differing,
  });
}
