/** `ctlab verify status`: a server's answers, and what `hubble status` printed of them. */
import { fromProtoJson } from "../../hubble/json.js";
import { ServerStatusResponseSchema, type ServerStatusResponse } from "../../hubble/proto/observer_pb.js";
import { GO_CODES, printStatus, SERVING, type GrpcFailure } from "../../hubble/status.js";
import { VectorFileError, passed, type CaseOutcome, type Verifier } from "./case.js";
import { FieldError, eachCase, fieldsOf, isFields, onlyFields, parseVectors, textOf, unknownSections, type Fields } from "./fields.js";
import { clientOutcome, compareCommand } from "./hubble-output.js";

const INFORMATION = ["title", "notes"];
const OUTPUTS = ["compact", "dict", "table", "tab", "json", "jsonpb", "JSON"];

export const verifyStatus: Verifier = function* verifyStatus(file) {
  const root = parseVectors(file, ["vectors"]);
  const { target } = root;
  if (typeof target !== "string") throw new VectorFileError(file.path, 'names no "target"', 1);
  yield* clientOutcome(root);
  yield* eachCase(root, "vectors", (each, i) => String(each["id"] ?? `case ${i + 1}`), (each, id) => runCase(each, id, target));
  yield* unknownSections(root, ["client", "target", "vectors", ...INFORMATION]);
};

function runCase(each: Fields, id: string, target: string): CaseOutcome {
  onlyFields(each, ["id", "response", "error", "health", "expect", ...INFORMATION]);
  const expect = fieldsOf(each, "expect");
  onlyFields(expect, OUTPUTS);
  const outputs = Object.keys(expect);
  if (outputs.length === 0) throw new FieldError("expect", "at least one output", expect);
  const status = "error" in each ? failureOf(each, "error") : statusOf(each);
  const health = "health" in each ? healthOf(each) : SERVING;
  for (const output of outputs) {
    const difference = compareCommand(id, output, expect, output, printStatus({ status, health, target }, output));
    if (difference !== undefined) return difference;
  }
  return passed(id, outputs.length);
}

/** The answer's status by name, or the error in place of one. */
function healthOf(each: Fields): string | GrpcFailure {
  if (isFields(each["health"])) return failureOf(each, "health");
  return textOf(each, "health");
}

/** `{ code: 12, message }`; the code may also be a name, UNIMPLEMENTED or Unimplemented. */
function failureOf(each: Fields, name: "error" | "health"): GrpcFailure {
  const fields = fieldsOf(each, name);
  onlyFields(fields, ["code", "message"]);
  const { code } = fields;
  const plainName = (text: string): string => text.replaceAll("_", "").toLowerCase();
  const number = typeof code === "string" ? GO_CODES.findIndex((known) => plainName(known) === plainName(code)) : code;
  if (typeof number !== "number" || !Number.isInteger(number) || number < 0) throw new FieldError(`${name}.code`, "a code of gRPC", code);
  return { code: number, message: textOf(fields, "message") };
}

function statusOf(each: Fields): ServerStatusResponse {
  try {
    return fromProtoJson(ServerStatusResponseSchema, fieldsOf(each, "response") as never);
  } catch (error) {
    throw new FieldError("response", (error as Error).message, each["response"]);
  }
}
