/** Mistakes in what a command was asked for, in the form of mistakes in files. */
import { effectiveSettings } from "../cilium/agent/settings.js";
import { unsupportedFeatures } from "../cilium/datapath/support.js";
import { settled } from "../cilium/profile/assumptions.js";
import { ciliumProfile } from "../cilium/profile/cilium.js";
import { kernelProfile } from "../cilium/profile/kernel.js";
import { datapathConfig } from "../node/datapath-config.js";
import { layOut } from "../node/topology.js";
import { Diagnostics, InputError } from "../scenario/diagnostics.js";
import type { Scenario } from "../scenario/types.js";

/** The scenario has no variant of that name. */
export function unknownVariant(file: string, name: string, known: readonly string[]): InputError {
  const named = known.filter((each) => each !== "");
  const diagnostics = new Diagnostics();
  diagnostics.unreadable(file, `there is no variant "${name}"`, {
    expected: named.length === 0 ? "no --variant: this scenario has none" : `one of ${named.join(", ")}`,
    names: { written: name, valid: named },
  });
  return new InputError(diagnostics.sorted());
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
