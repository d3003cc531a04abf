/** `ctlab verify grpc-streams`: what the client printed, and where, of a server's stream with node status and lost events. */
import { fromProtoJson } from "../../hubble/json.js";
import { GetFlowsResponseSchema, type GetFlowsResponse } from "../../hubble/proto/observer_pb.js";
import type { Verifier } from "./case.js";
import { FieldError, eachCase, fieldsOf, listOf, onlyFields, parseVectors, unknownSections, type Fields } from "./fields.js";
import { clientOutcome, compareVariants } from "./hubble-output.js";

const INFORMATION = ["title", "notes"];

export const verifyGrpcStreams: Verifier = function* verifyGrpcStreams(file) {
  const root = parseVectors(file, ["vectors"]);
  yield* clientOutcome(root);
  yield* eachCase(root, "vectors", (each, i) => String(each["id"] ?? `case ${i + 1}`), (each, id) => {
    onlyFields(each, ["id", "responses", "expect", ...INFORMATION]);
    return compareVariants(id, fieldsOf(each, "expect"), responsesOf(each));
  });
  yield* unknownSections(root, ["client", "vectors", ...INFORMATION]);
};

function responsesOf(each: Fields): GetFlowsResponse[] {
  return listOf(each, "responses").map((item) => {
    try {
      return fromProtoJson(GetFlowsResponseSchema, item as never);
    } catch (error) {
      throw new FieldError("responses", (error as Error).message, item);
    }
  });
}
