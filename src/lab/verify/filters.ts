/** `ctlab verify filters`: command lines of the real client, the filters it made of them, and which flows of a corpus passed. */
import { parseObserve } from "../../hubble/command-line.js";
import type { GetFlowsResponse } from "../../hubble/proto/observer_pb.js";
import { rawFiltersYaml } from "../../hubble/raw-filters.js";
import { FlowSelection } from "../../hubble/selection.js";
import { instantFromNs } from "../../hubble/times.js";
import { VectorFileError, failed, passed, type CaseOutcome, type Verifier } from "./case.js";
import { FieldError, eachCase, listOf, onlyFields, parseVectors, textOf, unknownSections, type Fields } from "./fields.js";
import { clientOutcome, compareText, readLines } from "./hubble-output.js";

const INFORMATION = ["title", "notes"];
const NS_PER_MS = 1_000_000n;

export const verifyFilters: Verifier = function* verifyFilters(file) {
  const root = parseVectors(file, ["vectors"]);
  const name = root["corpus"];
  if (typeof name !== "string") throw new VectorFileError(file.path, 'names no "corpus"', 1);
  const lines = file.sibling(name).text.split("\n").filter((line) => line !== "");
  const corpus = readLines(lines);
  if (corpus.length !== lines.length) throw new VectorFileError(name, `has ${lines.length - corpus.length} lines that are no flows`);
  yield* clientOutcome(root);
  yield* eachCase(root, "vectors", (each, i) => String(each["id"] ?? `case ${i + 1}`), (each, id) => runCase(each, id, corpus));
  yield* unknownSections(root, ["client", "corpus", "vectors", ...INFORMATION]);
};

function runCase(each: Fields, id: string, corpus: readonly GetFlowsResponse[]): CaseOutcome {
  onlyFields(each, ["id", "args", "match", "raw_filters_yaml", ...INFORMATION]);
  const [command, ...args] = textsOf(each, "args");
  if (command !== "observe") return failed(id, "args", "observe …", command);
  let selected: readonly string[];
  let yaml: string;
  try {
    const { request, operands } = parseObserve(args, { release: "0.12.3", now: instantFromNs(BigInt(Date.now()) * NS_PER_MS), legacyJson: false });
    if (operands.length > 0) return failed(id, "args", "flags only", operands);
    yaml = rawFiltersYaml(request.whitelist, request.blacklist);
    selected = uuids(new FlowSelection(request), corpus);
  } catch (error) {
    return failed(id, "args", "a request", (error as Error).message);
  }
  const wanted = textsOf(each, "match");
  if (JSON.stringify(wanted) !== JSON.stringify(selected)) return failed(id, "match", wanted.join(" "), selected.join(" "));
  return compareText(id, "raw_filters_yaml", textOf(each, "raw_filters_yaml"), yaml) ?? passed(id, corpus.length);
}

function uuids(selection: FlowSelection, corpus: readonly GetFlowsResponse[]): string[] {
  const selected: GetFlowsResponse[] = [];
  for (const response of corpus) {
    const now = selection.take(response);
    if (now !== undefined) selected.push(now);
  }
  return [...selected, ...selection.drain()].map(({ responseTypes }) => (responseTypes.case === "flow" ? responseTypes.value.uuid : ""));
}

function textsOf(each: Fields, field: string): string[] {
  return listOf(each, field).map((item) => {
    if (typeof item !== "string") throw new FieldError(field, "texts", item);
    return item;
  });
}
