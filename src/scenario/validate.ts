/** A tree against the schema: all issues reported, and whatever is valid by itself kept for the checks that follow. */

import type { z } from "zod";
import type { CheckedInput } from "./check.js";
import { checkScenario } from "./checks.js";
import type { Diagnostics } from "./diagnostics.js";
import { reportIssues } from "./issues.js";
import { scenarioSchema, type ScenarioInput } from "./schema.js";
import { plain, type Path, type TreeMap } from "./tree.js";

/** Values that mean what was written, not what YAML makes of it: the kernel 5.10 is not the number 5.1. */
const AS_WRITTEN = ["profile.cilium", "profile.kernel", "seed"];

function asWritten(path: Path): boolean {
  return path.length <= 2 && AS_WRITTEN.includes(path.join("."));
}

export interface Validated {
  /** Undefined when the schema refused something. */
  readonly input: ScenarioInput | undefined;
  /** What is valid, whatever else is not. */
  readonly parts: CheckedInput;
}

/** Validates and checks a scenario without variants. */
export function validate(tree: TreeMap, found: Diagnostics): Validated {
  const data = plain(tree, asWritten);
  const result = scenarioSchema.safeParse(data);
  if (!result.success) reportIssues(result.error.issues, scenarioSchema, tree, found);
  const parts = result.success ? result.data : validParts(data as Readonly<Record<string, unknown>>);
  checkScenario(parts, tree, found);
  return { input: result.data, parts };
}

/** Section by section, and in lists item by item. */
function validParts(data: Readonly<Record<string, unknown>>): CheckedInput {
  const sections = Object.entries(scenarioSchema.shape).map(([name, schema]) => [name, validSection(data[name], schema, name)] as const);
  return Object.fromEntries(sections) as unknown as CheckedInput;
}

const LISTS = ["services", "policies", "bandwidth", "egressGateways", "preload", "workloads", "timeline", "prefilter", "expect"];

function validSection(value: unknown, schema: z.ZodType, name: string): unknown {
  const whole = schema.safeParse(value);
  if (whole.success) return whole.data;
  if (!LISTS.includes(name)) return undefined;
  if (!Array.isArray(value)) return [];
  return value.map((item: unknown) => {
    const single = schema.safeParse([item]);
    return single.success && Array.isArray(single.data) ? (single.data[0] as unknown) : undefined;
  });
}
