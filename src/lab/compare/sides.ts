/** The two sides of a comparison, from what the command line names: `FILE`, `FILE#variant`, and what `--set` changes. */
import { refusal, type InputError } from "../../scenario/diagnostics.js";
import { hashOf, loadScenario } from "../../scenario/load.js";
import type { Scenario, ScenarioFile } from "../../scenario/types.js";
import { chooseVariants, DROP_TEXTS, refuseUnsupported } from "../input.js";

export interface SideRequest {
  /** `FILE` or `FILE#variant`. */
  readonly named: string;
  /** `path=value` over the file. */
  readonly set: readonly string[];
}

export interface Side {
  readonly file: string;
  readonly scenario: Scenario;
  readonly hash: string;
  readonly warnings: ScenarioFile["warnings"];
}

/** Throws an `InputError` for what is wrong with the file, or when it does not say which variant is meant. */
export function loadSide({ named, set }: SideRequest): Side {
  const hash = named.lastIndexOf("#");
  const path = hash < 0 ? named : named.slice(0, hash);
  const wanted = hash < 0 ? null : named.slice(hash + 1);
  const file = loadScenario(path, { set, dropReasons: DROP_TEXTS });
  const chosen = chooseVariants(file, wanted === null ? [] : [wanted]);
  if (chosen.length > 1) throw whichVariant(path, chosen.map(({ variant }) => variant ?? ""));
  const scenario = chosen[0]!;
  refuseUnsupported(path, [scenario]);
  return { file: path, scenario, hash: hashOf([scenario]), warnings: file.warnings };
}

function whichVariant(path: string, names: readonly string[]): InputError {
  return refusal(path, `the scenario has ${names.length} variants, and one of them is to be compared`, {
    expected: names.map((name) => `${path}#${name}`).join(", "),
  });
}
