/** What deserves a warning in a configuration: every rule, run in order. */

import { alertRules } from "./lint-alerts.js";
import { featureRules } from "./lint-features.js";
import { gcRules } from "./lint-gc.js";
import { maglevRules } from "./lint-maglev.js";
import { portRules } from "./lint-ports.js";
import type { LintContext, LintRule, LintSeverity, LintWarning } from "./lint-rule.js";
import { sizeRules } from "./lint-sizes.js";

const RULES: readonly LintRule[] = [
  ...sizeRules,
  ...gcRules,
  ...portRules,
  ...maglevRules,
  ...featureRules,
  ...alertRules,
];

const ORDER: readonly LintSeverity[] = ["error", "warning", "note"];

/** All warnings, errors first, else in the order of the rules. */
export function lint(context: LintContext): readonly LintWarning[] {
  const found = RULES.flatMap((rule) => rule(context));
  return ORDER.flatMap((severity) => found.filter((warning) => warning.severity === severity));
}
