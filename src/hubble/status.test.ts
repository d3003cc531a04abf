/** What `hubble status` says when the server answers with errors; texts as hubble 0.12.3 printed them of such servers. */
import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import type { VectorFile } from "../lab/verify/case.js";
import { verifyStatus } from "../lab/verify/status.js";
import { ServerStatusResponseSchema } from "./proto/observer_pb.js";
import { printStatus } from "./status.js";

const status = create(ServerStatusResponseSchema);
const target = "127.0.0.1:14250";
const HEALTH = "The server does not implement the method /grpc.health.v1.Health/Check";
const OBSERVER = "The server does not implement the method /observer.Observer/ServerStatus";

describe("a server that answers with an error", () => {
  it.each([
    [12, HEALTH, `failed getting status: rpc error: code = Unimplemented desc = ${HEALTH}\n`],
    [14, "no such thing", "failed getting status: rpc error: code = Unavailable desc = no such thing\n"],
    [2, "no such thing", "failed getting status: rpc error: code = Unknown desc = no such thing\n"],
    [99, "new", "failed getting status: rpc error: code = Code(99) desc = new\n"],
  ])("to the health check: code %i", (code, message, stderr) => {
    for (const output of ["compact", "json"]) expect(printStatus({ status, health: { code, message }, target }, output)).toEqual({ code: 1, stdout: "", stderr });
  });

  it("to the status: its health is told before", () => {
    const stderr = `failed to get hubble server status: rpc error: code = Unimplemented desc = ${OBSERVER}\n`;
    const print = (output: string): unknown => printStatus({ status: { code: 12, message: OBSERVER }, health: "SERVING", target }, output);
    expect(print("compact")).toEqual({ code: 1, stdout: `Healthcheck (via ${target}): Ok\n`, stderr });
    expect(print("dict")).toEqual({ code: 1, stdout: "", stderr });
  });

  it("is compared by verify, the code by number or name", async () => {
    const stderr = `failed getting status: rpc error: code = Unimplemented desc = ${HEALTH}\n`;
    const file = (code: unknown, text: string): VectorFile => ({
      path: "status.json",
      sibling: () => {
        throw new Error("no file lies beside");
      },
      text: JSON.stringify({
        client: "hubble 0.12.3",
        target,
        vectors: [{ id: "a", health: { code, message: HEALTH }, response: {}, expect: { compact: { rc: 1, stdout: "", stderr: text } } }],
      }),
    });
    const results = async (code: unknown, text: string): Promise<readonly string[]> => {
      const found: string[] = [];
      for await (const { difference } of verifyStatus(file(code, text))) found.push(difference === undefined ? "passed" : "failed");
      return found;
    };
    for (const code of [12, "UNIMPLEMENTED", "Unimplemented"]) expect(await results(code, stderr)).toEqual(["passed"]);
    expect(await results(12, "something else")).toEqual(["failed"]);
    expect(await results("NOTHING", stderr)).toEqual(["failed"]);
  });
});
