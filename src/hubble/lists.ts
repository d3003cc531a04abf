/** What `hubble list nodes` and `hubble list namespaces` print: hubble 0.12.3's cmd/list. */
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { compareBytes, fixed2 } from "./go-text.js";
import { goJson, protoJson } from "./json.js";
import { NamespaceSchema, NodeSchema, type Namespace, type Node } from "./proto/observer_pb.js";
import { NodeState } from "./proto/relay_pb.js";
import { secondsOf, type CommandOutput } from "./status.js";
import { alignTabs } from "./tab-writer.js";
import { formatGoDuration } from "./times.js";

const NOT_AVAILABLE = "N/A";
const NS_PER_SECOND = 1_000_000_000n;
const INT64_MAX = (1n << 63n) - 1n;
/** Width of a share of a hundred, with two decimals. */
const SHARE_WIDTH = 6;

/** `output`: table, wide, json. */
export function printNodes(nodes: readonly Node[], output: string): CommandOutput {
  const sorted = [...nodes].sort((a, b) => compareBytes(a.name, b.name));
  return printed(output, (wide) => nodeTable(sorted, wide), () => jsonList(NodeSchema, sorted));
}

/** `output`: table, wide, json. In the server's order. */
export function printNamespaces(namespaces: readonly Namespace[], output: string): CommandOutput {
  return printed(output, (wide) => namespaceTable(namespaces, wide), () => jsonList(NamespaceSchema, namespaces));
}

function printed(output: string, table: (wide: boolean) => string, json: () => string): CommandOutput {
  switch (output) {
    case "table":
    case "wide":
      return { code: 0, stdout: alignTabs(table(output === "wide")), stderr: "" };
    case "json":
      return { code: 0, stdout: json(), stderr: "" };
    default:
      return { code: 1, stdout: "", stderr: `unknown output format: ${output}\n` };
  }
}

function nodeTable(nodes: readonly Node[], wide: boolean): string {
  const header = `NAME\tSTATUS\tAGE\tFLOWS/S\tCURRENT/MAX-FLOWS${wide ? "\tVERSION\tADDRESS\tTLS" : ""}\n`;
  return header + nodes.map((node) => `${nodeRow(node)}${wide ? `\t${wideCells(node)}` : ""}\n`).join("");
}

const STATES: Readonly<Record<number, string>> = {
  [NodeState.NODE_CONNECTED]: "Connected",
  [NodeState.NODE_UNAVAILABLE]: "Unavailable",
  [NodeState.NODE_GONE]: "Gone",
  [NodeState.NODE_ERROR]: "Error",
};

function nodeRow({ name, state, uptimeNs, numFlows, maxFlows, seenFlows }: Node): string {
  const uptime = roundedToSeconds(BigInt.asIntN(64, uptimeNs));
  const age = uptime > 0n ? formatGoDuration(uptime) : NOT_AVAILABLE;
  const rate = uptime > 0n ? fixed2(Number(seenFlows) / secondsOf(uptime)) : NOT_AVAILABLE;
  const share = fixed2((Number(numFlows) / Number(maxFlows)) * 100).padStart(SHARE_WIDTH);
  const ratio = maxFlows > 0n ? `${numFlows}/${maxFlows} (${share}%)` : NOT_AVAILABLE;
  return `${name}\t${STATES[state] ?? "Unknown"}\t${age}\t${rate}\t${ratio}`;
}

function wideCells({ version, address, tls }: Node): string {
  const encryption = tls === undefined ? NOT_AVAILABLE : tls.enabled ? "Enabled" : "Disabled";
  return `${version === "" ? NOT_AVAILABLE : version}\t${address}\t${encryption}`;
}

/** Duration.Round: halves away from zero; what would not fit an int64 stays the longest duration. */
function roundedToSeconds(ns: bigint): bigint {
  const half = NS_PER_SECOND / 2n;
  const rounded = ((ns + (ns < 0n ? -half : half)) / NS_PER_SECOND) * NS_PER_SECOND;
  return rounded > INT64_MAX ? INT64_MAX : rounded;
}

function namespaceTable(namespaces: readonly Namespace[], wide: boolean): string {
  const rows = namespaces.map(({ namespace, cluster }) => `${namespace}${wide && cluster !== "" ? `\t${cluster}` : ""}\n`);
  return `NAMESPACE${wide ? "\tCLUSTER" : ""}\n${rows.join("")}`;
}

/** json.MarshalIndent by two; no list at all is null. */
function jsonList<Desc extends DescMessage>(schema: Desc, messages: readonly MessageShape<Desc>[]): string {
  if (messages.length === 0) return "null\n";
  return `${goJson(messages.map((message) => JSON.parse(protoJson(schema, message))), 2)}\n`;
}
