/**
 * What `hubble observe` prints for each response: flows to stdout, node status to stderr, in the output formats of the client
 * (hubble 0.12.3, pkg/printer). With `release: "latest"` lost events are printed too, as clients from 1.16 on do.
 */
import { PAINTED, PLAIN, type Colors } from "./color.js";
import { enumText, flowType, hostNames, identities, summaryText, verdictText, type PartOptions } from "./flow-parts.js";
import { goQuote } from "./go-text.js";
import { protoJson } from "./json.js";
import { lostGoText, lostSource, lostSummary } from "./lost-events.js";
import type { ClientRelease } from "./names.js";
import { FlowSchema, LostEventSchema, type Flow, type LostEvent } from "./proto/flow_pb.js";
import { GetFlowsResponseSchema, type GetFlowsResponse } from "./proto/observer_pb.js";
import { NodeState, NodeStateSchema, type NodeStatusEvent } from "./proto/relay_pb.js";
import { alignTabs } from "./tab-writer.js";
import { formatTime, type TimeLayout } from "./times.js";

export const OUTPUT_FORMATS = ["compact", "dict", "table", "jsonpb", "json-legacy"] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

export interface PrinterOptions {
  readonly output: OutputFormat;
  readonly timeLayout: TimeLayout;
  /** Names instead of addresses; false for `--numeric` and `--ip-translation=false`. */
  readonly ipTranslation: boolean;
  readonly nodeName: boolean;
  /** Also status changes that only inform, and responses of kinds that the client does not know. */
  readonly debug: boolean;
  /** Never applied to tables and JSON. */
  readonly color: boolean;
  readonly release: ClientRelease;
}

export const PRINTER_DEFAULTS: PrinterOptions = {
  output: "compact",
  timeLayout: "stampmilli",
  ipTranslation: true,
  nodeName: false,
  debug: false,
  color: false,
  release: "0.12.3",
};

/** Where text goes. */
export interface PrinterSinks {
  out(text: string): void;
  err(text: string): void;
}

const SEPARATOR = "------------\n";
/** Length after which names of nodes are cut. */
const NODE_NAMES_LENGTH = 50;

export class FlowPrinter {
  readonly #options: PrinterOptions;
  readonly #sinks: PrinterSinks;
  readonly #colors: Colors;
  readonly #parts: PartOptions;
  /** Rows of the table; their widths need all of them. */
  #table = "";
  #printed = 0;

  constructor(options: PrinterOptions, sinks: PrinterSinks) {
    this.#options = options;
    this.#sinks = sinks;
    this.#colors = options.color && options.output !== "table" ? PAINTED : PLAIN;
    this.#parts = { release: options.release, colors: this.#colors, ipTranslation: options.ipTranslation };
  }

  /** Prints one response, if its kind is printed at all. */
  print(response: GetFlowsResponse): void {
    const { responseTypes } = response;
    switch (responseTypes.case) {
      case "flow":
        this.#flow(response, responseTypes.value);
        break;
      case "nodeStatus":
        this.#nodeStatus(response, responseTypes.value);
        break;
      case "lostEvents":
        this.#lostEvents(response, responseTypes.value);
        break;
      default:
    }
  }

  /** The table, which nothing can follow. */
  close(): void {
    if (this.#table !== "") this.#sinks.out(alignTabs(this.#table));
    this.#table = "";
  }

  #flow(response: GetFlowsResponse, flow: Flow): void {
    switch (this.#options.output) {
      case "compact":
        this.#sinks.out(this.#compact(flow));
        break;
      case "dict":
        this.#sinks.out((this.#printed > 0 ? SEPARATOR : "") + this.#dict(flow));
        break;
      case "table":
        this.#table += (this.#printed > 0 ? "" : this.#header()) + this.#row(flow);
        break;
      case "jsonpb":
        this.#sinks.out(`${protoJson(GetFlowsResponseSchema, response)}\n`);
        break;
      case "json-legacy":
        this.#sinks.out(`${protoJson(FlowSchema, flow)}\n`);
        break;
    }
    this.#printed++;
  }

  #compact(flow: Flow): string {
    const [source, destination] = hostNames(flow, this.#parts);
    const [sourceId, destinationId] = identities(flow, this.#parts);
    const node = this.#options.nodeName ? ` [${flow.nodeName}]` : "";
    // The client of a connection stays on the left.
    const ends =
      flow.isReply === true
        ? `${destination} ${destinationId} <- ${source} ${sourceId}`
        : `${source} ${sourceId} ${flow.isReply === undefined ? "<>" : "->"} ${destination} ${destinationId}`;
    const verdict = verdictText(flow, this.#colors);
    return `${this.#time(flow.time)}${node}: ${ends} ${flowType(flow, this.#options.release)} ${verdict} (${summaryText(flow, this.#colors)})\n`;
  }

  #dict(flow: Flow): string {
    const [source, destination] = hostNames(flow, this.#parts);
    return (
      `  TIMESTAMP: ${this.#time(flow.time)}\n` +
      (this.#options.nodeName ? `       NODE: ${flow.nodeName}\n` : "") +
      `     SOURCE: ${source}\n` +
      `DESTINATION: ${destination}\n` +
      `       TYPE: ${flowType(flow, this.#options.release)}\n` +
      `    VERDICT: ${verdictText(flow, this.#colors)}\n` +
      `    SUMMARY: ${flow.Summary}\n`
    );
  }

  #header(): string {
    return `TIMESTAMP\t${this.#options.nodeName ? "NODE\t" : ""}SOURCE\tDESTINATION\tTYPE\tVERDICT\tSUMMARY\n`;
  }

  #row(flow: Flow): string {
    const [source, destination] = hostNames(flow, this.#parts);
    const node = this.#options.nodeName ? `${flow.nodeName}\t` : "";
    const rest = `${flowType(flow, this.#options.release)}\t${verdictText(flow, this.#colors)}\t${summaryText(flow, this.#colors)}`;
    return `${this.#time(flow.time)}\t${node}${source}\t${destination}\t${rest}\n`;
  }

  #nodeStatus(response: GetFlowsResponse, status: NodeStatusEvent): void {
    const matters = status.stateChange === NodeState.NODE_ERROR || status.stateChange === NodeState.NODE_UNAVAILABLE;
    if (!matters && !this.#options.debug) return;
    switch (this.#options.output) {
      case "jsonpb":
        this.#sinks.err(`${protoJson(GetFlowsResponseSchema, response)}\n`);
        break;
      case "dict":
        // The separator goes where flows go, so that both read well when they are shown together.
        if (this.#printed > 0) this.#sinks.out(SEPARATOR);
        else this.#printed++;
        this.#sinks.err(this.#statusDict(response, status));
        break;
      case "compact":
      case "table":
        this.#sinks.err(`${this.#time(response.time)} [${response.nodeName}]: ${statusText(status)}\n`);
        break;
      case "json-legacy":
        break;
    }
  }

  #statusDict(response: GetFlowsResponse, { stateChange, nodeNames, message }: NodeStatusEvent): string {
    return (
      `  TIMESTAMP: ${this.#time(response.time)}\n` +
      `      STATE: ${enumText(NodeStateSchema, stateChange)}\n` +
      `      NODES: ${joinWithCutOff(nodeNames, NODE_NAMES_LENGTH)}\n` +
      `    MESSAGE: ${message === "" ? "N/A" : goQuote(message)}\n`
    );
  }

  #lostEvents(response: GetFlowsResponse, lost: LostEvent): void {
    if (this.#options.release === "0.12.3") {
      if (this.#options.debug) this.#sinks.err(`unknown response type: &{LostEvents:${lostGoText(lost)}}\n`);
      return;
    }
    const { nodeName: withNode, timeLayout } = this.#options;
    const node = response.nodeName === "" ? "-" : response.nodeName;
    const time = this.#time(response.time);
    switch (this.#options.output) {
      case "compact":
        this.#sinks.out(`${time} EVENTS LOST: ${lostSource(lost)} ${lostSummary(lost, " ", timeLayout)}\n`);
        break;
      case "dict":
        this.#sinks.out(
          (this.#printed > 0 ? SEPARATOR : "") +
            `  TIMESTAMP: ${time}\n${withNode ? `       NODE: ${node}\n` : ""}     SOURCE: ${lostSource(lost)}\n` +
            `       TYPE: EVENTS LOST\n    VERDICT: -\n    SUMMARY: ${lostSummary(lost, " - ", timeLayout)}\n`,
        );
        break;
      case "table":
        this.#table += this.#printed > 0 ? "" : this.#header();
        this.#table += `${time}\t${withNode ? `${node}\t` : ""}${lostSource(lost)}\t-\tEVENTS LOST\t-\t${lostSummary(lost, " - ", timeLayout)}\n`;
        break;
      case "jsonpb":
        this.#sinks.out(`${protoJson(GetFlowsResponseSchema, response)}\n`);
        break;
      case "json-legacy":
        this.#sinks.out(`${protoJson(LostEventSchema, lost)}\n`);
        break;
    }
    this.#printed++;
  }

  #time(instant: GetFlowsResponse["time"]): string {
    return formatTime(this.#options.timeLayout, instant);
  }
}

function statusText({ stateChange, nodeNames, message }: NodeStatusEvent): string {
  const nodes = joinWithCutOff(nodeNames, NODE_NAMES_LENGTH);
  switch (stateChange) {
    case NodeState.NODE_CONNECTED:
      return `Receiving flows from ${nodeNames.length} nodes: ${nodes}`;
    case NodeState.NODE_UNAVAILABLE:
      return `${nodeNames.length} nodes are unavailable: ${nodes}`;
    case NodeState.NODE_GONE:
      return `${nodeNames.length} nodes removed from cluster: ${nodes}`;
    case NodeState.NODE_ERROR:
      return `Error ${goQuote(message)} on ${nodeNames.length} nodes: ${nodes}`;
    default:
      return `unknown node status event: ${[
        ...(stateChange === NodeState.UNKNOWN_NODE_STATE ? [] : [`state_change:${String(stateChange)}`]),
        ...nodeNames.map((name) => `node_names:${goQuote(name)}`),
        ...(message === "" ? [] : [`message:${goQuote(message)}`]),
      ].join(" ")}`;
  }
}

/** Names joined by commas until they are too long, then how many more there are; at least one is shown. Lengths in bytes. */
function joinWithCutOff(names: readonly string[], length: number): string {
  let total = 0;
  let end = names.length;
  for (const [index, name] of names.entries()) {
    total += Buffer.byteLength(name) + 2;
    if (total > length && index > 0) {
      end = index;
      break;
    }
  }
  const joined = names.slice(0, end).join(", ");
  return end === names.length ? joined : `${joined} (and ${names.length - end} more)`;
}
