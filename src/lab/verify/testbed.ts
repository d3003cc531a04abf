/**
 * `ctlab verify testbed`: predicts experiments that were recorded on a real kernel. One case per experiment; in
 * `probes.json` one case per probe.
 *
 * The nf_conntrack experiments are not covered: no netfilter baseline is modelled yet. Such a case fails with that
 * reason, as everything does that is not understood.
 */
import { failed, passed, VectorFileError, type CaseOutcome, type VectorFile, type Verifier } from "./case.js";
import { fieldsOf, guarded, parseVectors, type Fields } from "./fields.js";
import { runExperiment } from "./testbed/experiment.js";
import { holds } from "./testbed/measures.js";
import { PROBES_SCHEMA, verifyProbes } from "./testbed/probes.js";
import { EXPERIMENT_SCHEMA } from "./testbed/recording.js";
import { experimentRow, uncoveredRow } from "./testbed/table.js";

const NETFILTER_SCHEMA = "ctlab-testbed-nf/1";
const NOT_COVERED = "not covered: nf_conntrack is not modelled";

export const verifyTestbed: Verifier = function* verifyTestbed(file) {
  const root = parseVectors(file, []);
  if (root["schema"] === PROBES_SCHEMA) {
    yield* verifyProbes(root);
  } else if (root["schema"] === NETFILTER_SCHEMA) {
    const id = String(root["name"]);
    yield { ...failed(id, "schema", EXPERIMENT_SCHEMA, NOT_COVERED), row: uncoveredRow(id) };
  } else if (root["schema"] === EXPERIMENT_SCHEMA) {
    const id = String(root["name"]);
    yield guarded(id, () => verifyExperiment(root, file, id));
  } else {
    throw new VectorFileError(file.path, `holds neither a testbed experiment nor probes (schema ${JSON.stringify(root["schema"])})`, 1);
  }
};

function verifyExperiment(root: Fields, file: VectorFile, id: string): CaseOutcome {
  const tracker = fieldsOf(root, "params")["tracker"];
  if (tracker !== "bpf") return failed(id, "params.tracker", "bpf", tracker);
  const report = runExperiment(root, file);
  const row = experimentRow(report);
  if (report.contradiction !== undefined) return { id, difference: report.contradiction, row };
  const missed = report.measures.find((measure) => !holds(measure));
  if (missed === undefined) return { ...passed(id, report.connections), row };
  const expected = `${show(missed.recorded)}, at most ${missed.bound} away`;
  return { ...failed(id, missed.name, expected, `${show(missed.simulated)}, ${show(missed.distance)} away`), row };
}

function show(value: number): string {
  return String(Number(value.toPrecision(4)));
}
