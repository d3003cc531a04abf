/** Whether scenarios still hold: every variant of every file is simulated, and its `expect:` lines decide. */
import { VERSION } from "../core/version.js";
import { CHECK_SCHEMA_VERSION, type CheckedVariant, type CheckResult } from "../observe/check-result.js";
import { InputError, type Diagnostic } from "../scenario/diagnostics.js";
import { loadScenario } from "../scenario/load.js";
import type { ScenarioFile } from "../scenario/types.js";
import { DROP_TEXTS, refuseUnsupported, seeded, unknownVariant } from "./input.js";
import { simulateAll, type SimulateAllOptions, type VariantTask } from "./simulate-all.js";

export interface CheckOptions extends SimulateAllOptions {
  readonly scenarioPaths: readonly string[];
  /** Names of variants; empty = all. A name need not be in every file, but in one of them. */
  readonly variants: readonly string[];
  /** `path=value` overrides of every scenario file. */
  readonly set: readonly string[];
  readonly seed?: string;
}

export interface FinishedCheck {
  readonly result: CheckResult;
  readonly warnings: ScenarioFile["warnings"];
}

/** Writes nothing. Throws one `InputError` with the mistakes of all files. */
export async function checkScenarios(options: CheckOptions): Promise<FinishedCheck> {
  const files = loadAll(options);
  const tasks: (VariantTask & { readonly file: ScenarioFile })[] = files.flatMap((file) =>
    chosen(file, options).map((scenario) => ({ file, scenario, streamFolder: null, traces: [] })),
  );
  const checked = new Map<number, CheckedVariant>();
  await simulateAll(tasks, {
    ...options,
    onFinished: (task, { variant }) => {
      const { name, fingerprint, verdict, expectations } = variant;
      const { file, scenario } = tasks[task]!;
      checked.set(task, { scenario: file.base.name, file: file.path, name, seed: scenario.seed, fingerprint, headline: verdict.headline, expectations });
    },
  });
  return {
    result: {
      schemaVersion: CHECK_SCHEMA_VERSION,
      ctlab: VERSION,
      run: options.run,
      partial: checked.size < tasks.length,
      variants: tasks.flatMap((_, task) => checked.get(task) ?? []),
    },
    warnings: files.flatMap(({ warnings }) => warnings),
  };
}

function loadAll(options: CheckOptions): readonly ScenarioFile[] {
  const mistakes: Diagnostic[] = [];
  const attempt = <T>(work: () => T): T | undefined => {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      mistakes.push(...error.diagnostics);
      return undefined;
    }
  };
  const files = options.scenarioPaths.flatMap((path) => attempt(() => loadScenario(path, { set: options.set, dropReasons: DROP_TEXTS })) ?? []);
  const known = files.flatMap(({ variants }) => variants.map(({ variant }) => variant ?? ""));
  if (mistakes.length === 0) {
    for (const name of options.variants) if (!known.includes(name)) throw unknownVariant(options.scenarioPaths.join(", "), name, known);
  }
  for (const file of files) attempt(() => refuseUnsupported(file.path, chosen(file, options)));
  if (mistakes.length > 0) throw new InputError(mistakes);
  return files;
}

function chosen({ variants }: ScenarioFile, { variants: names, seed }: CheckOptions): ScenarioFile["variants"] {
  return seeded(variants.filter(({ variant }) => names.length === 0 || names.includes(variant ?? "")), seed);
}
