/** What `hubble status` prints: hubble 0.12.3's cmd/status and printer.WriteServerStatusResponse. */
import { compareBytes, fixed2, grouped } from "./go-text.js";
import { protoJson } from "./json.js";
import { ServerStatusResponseSchema, type ServerStatusResponse } from "./proto/observer_pb.js";
import { alignTabs } from "./tab-writer.js";
import { formatGoDuration } from "./times.js";

/** How a command of the client ended. */
export interface CommandOutput {
  readonly code: 0 | 1;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a health check answers when the server is well. */
export const SERVING = "SERVING";

/** An error that a server answered with. */
export interface GrpcFailure {
  /** Number of the code: 12 for UNIMPLEMENTED. */
  readonly code: number;
  readonly message: string;
}

/** Codes by number, as Go prints them. */
export const GO_CODES = [
  "OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists", "PermissionDenied", "ResourceExhausted",
  "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented", "Internal", "Unavailable", "DataLoss", "Unauthenticated",
] as const;

export interface StatusInput {
  readonly status: ServerStatusResponse | GrpcFailure;
  /** The answer of grpc.health.v1.Health/Check. */
  readonly health: string | GrpcFailure;
  /** The address as the client was given it. */
  readonly target: string;
}

const NOT_AVAILABLE = "N/A";
const INT64_MAX = (1n << 63n) - 1n;
const NS_PER_SECOND = 1_000_000_000;

/** `output`: compact, dict, table, json. */
export function printStatus({ status, health, target }: StatusInput, output: string): CommandOutput {
  if (typeof health !== "string") return { code: 1, stdout: "", stderr: `failed getting status: ${failureText(health)}\n` };
  const healthy = health === SERVING;
  const check = output === "compact" ? `Healthcheck (via ${target}): ${healthy ? "Ok" : `Unavailable: ${health}`}\n` : "";
  if (!healthy) return { code: 1, stdout: check, stderr: "not healthy\n" };
  if (!("$typeName" in status)) return { code: 1, stdout: check, stderr: `failed to get hubble server status: ${failureText(status)}\n` };
  const print = OUTPUTS[output];
  if (print === undefined) return { code: 1, stdout: check, stderr: `invalid output format: ${output}\n` };
  return { code: 0, stdout: check + print(status), stderr: "" };
}

/** As an error of gRPC for Go prints itself. */
function failureText({ code, message }: GrpcFailure): string {
  return `rpc error: code = ${GO_CODES[code] ?? `Code(${code})`} desc = ${message}`;
}

const json = (status: ServerStatusResponse): string => `${protoJson(ServerStatusResponseSchema, status)}\n`;

const OUTPUTS: Readonly<Record<string, (status: ServerStatusResponse) => string>> = {
  compact,
  dict,
  table,
  tab: table,
  json,
  JSON: json,
  jsonpb: json,
};

function dict(status: ServerStatusResponse): string {
  return (
    `          NUM FLOWS: ${grouped(status.numFlows)}\n` +
    `          MAX FLOWS: ${grouped(status.maxFlows)}\n` +
    `         SEEN FLOWS: ${grouped(status.seenFlows)}\n` +
    `             UPTIME: ${uptimeText(status.uptimeNs)}\n` +
    `NUM CONNECTED NODES: ${status.numConnectedNodes ?? NOT_AVAILABLE}\n` +
    ` NUM UNAVAIL. NODES: ${status.numUnavailableNodes ?? NOT_AVAILABLE}\n` +
    `            VERSION: ${status.version}\n`
  );
}

function table(status: ServerStatusResponse): string {
  const { numFlows, maxFlows, seenFlows, uptimeNs, numConnectedNodes, numUnavailableNodes, version } = status;
  const counts = `${grouped(numFlows)}\t${grouped(maxFlows)}\t${grouped(seenFlows)}\t${uptimeText(uptimeNs)}`;
  return alignTabs(
    "NUM FLOWS\tMAX FLOWS\tSEEN FLOWS\tUPTIME\tNUM CONNECTED NODES\tNUM UNAVAILABLE NODES\tVERSION\n" +
      `${counts}\t${numConnectedNodes ?? NOT_AVAILABLE}\t${numUnavailableNodes ?? NOT_AVAILABLE}\t${version}\n`,
  );
}

/** Times beyond an int64 are no durations. */
function uptimeText(ns: bigint): string {
  return ns > INT64_MAX ? `${ns}ns` : formatGoDuration(ns);
}

function compact(status: ServerStatusResponse): string {
  const { numFlows, maxFlows, seenFlows, uptimeNs, numConnectedNodes, numUnavailableNodes, unavailableNodes } = status;
  const share = maxFlows > 0n ? ` (${fixed2((Number(numFlows) / Number(maxFlows)) * 100)}%)` : "";
  let text = `Current/Max Flows: ${grouped(numFlows)}/${grouped(maxFlows)}${share}\nFlows/s: ${rateText(seenFlows, uptimeNs)}\n`;
  if (numConnectedNodes !== undefined) {
    // Summed as an uint32.
    const total = numUnavailableNodes === undefined ? "" : `/${(numConnectedNodes + numUnavailableNodes) >>> 0}`;
    text += `Connected Nodes: ${numConnectedNodes}${total}\n`;
  }
  if (numUnavailableNodes !== undefined && numUnavailableNodes > 0) {
    const more = numUnavailableNodes - unavailableNodes.length;
    const nodes = [...unavailableNodes].sort(compareBytes);
    if (more > 0 && nodes.length > 0) nodes.push(`and ${more} more...`);
    text += `Unavailable Nodes: ${numUnavailableNodes}\n${nodes.map((node) => `  - ${node}\n`).join("")}`;
  }
  return text;
}

function rateText(flows: bigint, uptimeNs: bigint): string {
  const seconds = secondsOf(BigInt.asIntN(64, uptimeNs));
  return seconds > 0 ? fixed2(Number(flows) / seconds) : NOT_AVAILABLE;
}

/** Duration.Seconds: whole seconds and the rest are made doubles by themselves. */
export function secondsOf(ns: bigint): number {
  const whole = ns / BigInt(NS_PER_SECOND);
  return Number(whole) + Number(ns - whole * BigInt(NS_PER_SECOND)) / NS_PER_SECOND;
}
