/** Mistakes in what a command was asked for, in the form of mistakes in files. */
import { effectiveSettings } from "../cilium/agent/effective-settings.js";
import { DROP_REASONS } from "../cilium/datapath/drop-reasons.js";
import { unsupportedFeatures } from "../cilium/datapath/support.js";
import { settled } from "../cilium/profile/assumptions.js";
import { ciliumProfile } from "../cilium/profile/cilium.js";
import { kernelProfile } from "../cilium/profile/kernel.js";
import { datapathConfig } from "../node/datapath-config.js";
import { layOut } from "../node/topology.js";
import { Diagnostics, refusal, type InputError } from "../scenario/diagnostics.js";
import type { Scenario, ScenarioFile } from "../scenario/types.js";

/** Texts that an expectation may name. */
export const DROP_TEXTS = DROP_REASONS.flatMap(({ text }) => (text === undefined ? [] : [text]));

/** The variants of these names, all of them when none is named. Throws an `InputError` for a name that the file has not. */
export function chooseVariants({ path, variants }: ScenarioFile, names: readonly string[]): readonly Scenario[] {
  const known = variants.map(({ variant }) => variant ?? "");
  for (const name of names) if (!known.includes(name)) throw unknownVariant(path, name, known);
  return variants.filter(({ variant }) => names.length === 0 || names.includes(variant ?? ""));
}

/** The variant of this name, else the first one, with this seed, else its own. */
export function chooseVariant(file: ScenarioFile, name: string | undefined, seed: string | undefined): Scenario {
  return seeded(chooseVariants(file, name === undefined ? [] : [name]), seed)[0]!;
}

/** With this seed, else their own. */
export function seeded(scenarios: readonly Scenario[], seed: string | undefined): readonly Scenario[] {
  return seed === undefined ? scenarios : scenarios.map((scenario) => ({ ...scenario, seed }));
}

/** The scenario has no variant of that name. */
export function unknownVariant(file: string, name: string, known: readonly string[]): InputError {
  const named = known.filter((each) => each !== "");
  return refusal(file, `there is no variant "${name}"`, {
    expected: named.length === 0 ? "no --variant: this scenario has none" : `one of ${named.join(", ")}`,
    names: { written: name, valid: named },
  });
}

/** Throws when the settings ask the datapath for something that it would simulate as if it were off. */
export function refuseUnsupported(file: string, scenarios: readonly Scenario[]): void {
  const diagnostics = new Diagnostics();
  for (const scenario of scenarios) {
    const cilium = ciliumProfile(scenario.profile.cilium);
    const settings = effectiveSettings(scenario.helm.settings, cilium);
    const config = datapathConfig(settings, settled(cilium), layOut(scenario), kernelProfile(scenario.profile.kernel).hz);
    for (const { setting, value, reason } of unsupportedFeatures(config)) {
      diagnostics.unreadable(file, `${setting}: ${value} can't be simulated: ${reason}`);
    }
  }
  diagnostics.throwIfErrors();
}
