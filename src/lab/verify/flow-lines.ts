/** `ctlab verify flow-lines`: one flow in, what the real client printed of it in each format out. */
import type { Verifier } from "./case.js";
import { eachCase, fieldsOf, onlyFields, parseVectors, textOf, unknownSections } from "./fields.js";
import { clientOutcome, compareVariants, readLines } from "./hubble-output.js";

/** Words only. */
const INFORMATION = ["title", "notes"];

export const verifyFlowLines: Verifier = function* verifyFlowLines(file) {
  const root = parseVectors(file, ["vectors"]);
  yield* clientOutcome(root);
  yield* eachCase(root, "vectors", (each, i) => String(each["id"] ?? `case ${i + 1}`), (each, id) => {
    onlyFields(each, ["id", "input", "expect", ...INFORMATION]);
    return compareVariants(id, fieldsOf(each, "expect"), readLines([textOf(each, "input")]));
  });
  yield* unknownSections(root, ["client", "vectors", ...INFORMATION]);
};
