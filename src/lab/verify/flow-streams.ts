/** `ctlab verify flow-streams`: several flows at once, whose separators and column widths depend on one another. */
import type { Verifier } from "./case.js";
import { FieldError, eachCase, fieldsOf, listOf, onlyFields, parseVectors, unknownSections } from "./fields.js";
import { clientOutcome, compareVariants, readLines } from "./hubble-output.js";

/** Words, and names of flows of another file. */
const INFORMATION = ["title", "notes", "flow_ids"];

export const verifyFlowStreams: Verifier = function* verifyFlowStreams(file) {
  const root = parseVectors(file, ["vectors"]);
  yield* clientOutcome(root);
  yield* eachCase(root, "vectors", (each, i) => String(each["id"] ?? `case ${i + 1}`), (each, id) => {
    onlyFields(each, ["id", "input_lines", "expect", ...INFORMATION]);
    const lines = listOf(each, "input_lines").map((line) => {
      if (typeof line !== "string") throw new FieldError("input_lines", "texts", line);
      return line;
    });
    return compareVariants(id, fieldsOf(each, "expect"), readLines(lines));
  });
  yield* unknownSections(root, ["client", "vectors", ...INFORMATION]);
};
