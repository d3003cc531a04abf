/** `ctlab verify lists`: what `hubble list nodes` and `hubble list namespaces` printed of a relay's answers. */
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { fromProtoJson } from "../../hubble/json.js";
import { printNamespaces, printNodes } from "../../hubble/lists.js";
import { NamespaceSchema, NodeSchema } from "../../hubble/proto/observer_pb.js";
import { failed, passed, type CaseOutcome, type Verifier } from "./case.js";
import { FieldError, eachCase, fieldsOf, listOf, onlyFields, parseVectors, unknownSections, type Fields } from "./fields.js";
import { clientOutcome, compareCommand } from "./hubble-output.js";

const INFORMATION = ["title", "notes"];
/** `nodes_table`, `namespaces_json` … */
const OUTPUT = /^(nodes|namespaces)_(.+)$/;

export const verifyLists: Verifier = function* verifyLists(file) {
  const root = parseVectors(file, ["vectors"]);
  yield* clientOutcome(root);
  yield* eachCase(root, "vectors", (each, i) => String(each["id"] ?? `case ${i + 1}`), runCase);
  yield* unknownSections(root, ["client", "vectors", ...INFORMATION]);
};

function runCase(each: Fields, id: string): CaseOutcome {
  onlyFields(each, ["id", "nodes", "namespaces", "expect", ...INFORMATION]);
  const expect = fieldsOf(each, "expect");
  const nodes = messages(NodeSchema, each, "nodes");
  const namespaces = messages(NamespaceSchema, each, "namespaces");
  const outputs = Object.keys(expect);
  if (outputs.length === 0) throw new FieldError("expect", "at least one output", expect);
  for (const name of outputs) {
    const [, what, output = ""] = OUTPUT.exec(name) ?? [];
    if (what === undefined) return failed(id, name, "a known output", "unknown output");
    const printed = what === "nodes" ? printNodes(nodes, output) : printNamespaces(namespaces, output);
    const difference = compareCommand(id, name, expect, name, printed);
    if (difference !== undefined) return difference;
  }
  return passed(id, outputs.length);
}

function messages<Desc extends DescMessage>(schema: Desc, each: Fields, field: string): MessageShape<Desc>[] {
  return listOf(each, field).map((item) => {
    try {
      return fromProtoJson(schema, item as never);
    } catch (error) {
      throw new FieldError(field, (error as Error).message, item);
    }
  });
}
