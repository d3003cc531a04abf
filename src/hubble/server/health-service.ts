/** `grpc.health.v1.Health`: `hubble status` asks it for "hubble.server.Observer" first. */
import { create } from "@bufbuild/protobuf";
import { status, type sendUnaryData, type ServerUnaryCall, type ServerWritableStream, type UntypedServiceImplementation } from "@grpc/grpc-js";
import { HealthCheckResponseSchema, HealthCheckResponse_ServingStatus as Serving, type HealthCheckRequest, type HealthCheckResponse } from "../proto/health_pb.js";

/** The server as a whole, the name that Hubble uses, and the service's own. */
const KNOWN = ["", "hubble.server.Observer", "observer.Observer"];

/** `ending`: watchers are told that the server ends. */
export function healthService(ending: AbortSignal): UntypedServiceImplementation {
  const answer = (serving: Serving): HealthCheckResponse => create(HealthCheckResponseSchema, { status: serving });
  return {
    check: ({ request }: ServerUnaryCall<HealthCheckRequest, HealthCheckResponse>, done: sendUnaryData<HealthCheckResponse>) => {
      if (KNOWN.includes(request.service)) done(null, answer(Serving.SERVING));
      else done({ code: status.NOT_FOUND, details: `there is no service ${request.service}` });
    },
    watch: (call: ServerWritableStream<HealthCheckRequest, HealthCheckResponse>) => {
      call.write(answer(KNOWN.includes(call.request.service) ? Serving.SERVING : Serving.SERVICE_UNKNOWN));
      const end = (): void => {
        call.write(answer(Serving.NOT_SERVING));
        call.end();
      };
      ending.addEventListener("abort", end, { once: true });
      call.once("cancelled", () => ending.removeEventListener("abort", end));
    },
  };
}
