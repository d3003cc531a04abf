/**
 * `hubble observe agent-events`: which events of the agent are printed, and how. Stands for hubble 0.12.3's cmd/observe/agent_events.go
 * and pkg/printer (`WriteProtoAgentEvent`). Other than that client, which passes over it, `--first` holds.
 */
import { create } from "@bufbuild/protobuf";
import { parseObserve, type CommandLineContext, type ObserveCommand } from "./command-line.js";
import { isFilterFlag } from "./flag-filters.js";
import { FlagError, parseFlags } from "./flags.js";
import { enumText } from "./flow-parts.js";
import { joinHostPort } from "./go-text.js";
import { protoJson } from "./json.js";
import { NodeEventReader, mayHoldEvent } from "./line-reader.js";
import type { ReadingProblems } from "./message-reader.js";
import type { PrinterOptions } from "./printer.js";
import { AgentEventSchema, AgentEventType, AgentEventTypeSchema, type AgentEvent, type ServiceUpsertNotification } from "./proto/flow_pb.js";
import { GetAgentEventsResponseSchema, GetFlowsRequestSchema, type GetAgentEventsResponse } from "./proto/observer_pb.js";
import { alignTabs } from "./tab-writer.js";
import { formatTime, type TimeLayout } from "./times.js";

/** Events printed when nothing is said, also before those to come: pkg/defaults, EventsPrintCount. */
const EVENT_COUNT_DEFAULT = 20n;
/** The client forgets the newline after it, other than between flows. */
const SEPARATOR = "------------";
/** Flags that this subcommand of the client does not know, beside the filters. */
const FLOW_FLAGS = ["allowlist", "denylist"];

/** Reads a command line without `observe agent-events`; throws FlagError for flags of flows. */
export function parseAgentEvents(args: readonly string[], context: CommandLineContext): ObserveCommand {
  const ofFlows = parseFlags(args, context.release).set.find(({ flag }) => isFilterFlag(flag.name) || FLOW_FLAGS.includes(flag.name));
  if (ofFlows !== undefined) throw new FlagError(`unknown flag: --${ofFlows.flag.name}; agent-events takes no filters`);
  const command = parseObserve(args, context);
  const { number, follow, since, until } = command.request;
  const nothingSaid = follow && number === 0n && since === undefined && until === undefined;
  return nothingSaid ? { ...command, request: create(GetFlowsRequestSchema, { ...command.request, number: EVENT_COUNT_DEFAULT }) } : command;
}

/** Reads lines of exporters' files: flows among them are passed over. */
export class AgentEventReader {
  readonly #problems: ReadingProblems;
  readonly #events: NodeEventReader;

  constructor(problems: ReadingProblems) {
    this.#problems = problems;
    this.#events = new NodeEventReader(problems);
  }

  read(line: string): GetAgentEventsResponse | undefined {
    if (mayHoldEvent(line)) {
      const event = this.#events.read(line);
      return event?.$typeName === "observer.GetAgentEventsResponse" ? event : undefined;
    }
    if (!OTHER_LINE.test(line)) this.#problems.skipped("is no event of an agent and no flow");
    return undefined;
  }
}

/** What a file holds beside events of the agent. */
const OTHER_LINE = /^\s*\{\s*"(?:flow|lost_?[eE]vents|node_?[sS]tatus)"\s*:.*\}\s*$/;

export class AgentEventPrinter {
  readonly #options: Pick<PrinterOptions, "output" | "timeLayout" | "nodeName">;
  readonly #out: (text: string) => void;
  /** Rows of the table; their widths need all of them. */
  #table = "";
  #printed = 0;

  constructor(options: Pick<PrinterOptions, "output" | "timeLayout" | "nodeName">, out: (text: string) => void) {
    this.#options = options;
    this.#out = out;
  }

  print(response: GetAgentEventsResponse): void {
    const { agentEvent: event, nodeName } = response;
    if (event === undefined) return;
    const { output, timeLayout, nodeName: withNode } = this.#options;
    const time = formatTime(timeLayout, response.time);
    const type = enumText(AgentEventTypeSchema, event.type);
    const details = detailsOf(event, timeLayout);
    switch (output) {
      case "compact":
        this.#out(`${time}${withNode ? ` [${nodeName}]` : ""}: ${type} (${details})\n`);
        break;
      case "dict":
        this.#out(
          (this.#printed > 0 ? SEPARATOR : "") +
            `  TIMESTAMP: ${time}\n${withNode ? `       NODE: ${nodeName}\n` : ""}       TYPE: ${type}\n    DETAILS: ${details}\n`,
        );
        break;
      case "table":
        if (this.#printed === 0) this.#table = `TIMESTAMP\t${withNode ? "NODE\t" : ""}TYPE\tDETAILS\n`;
        this.#table += `${time}\t${withNode ? `${nodeName}\t` : ""}${type}\t${details}\n`;
        break;
      case "jsonpb":
        this.#out(`${protoJson(GetAgentEventsResponseSchema, response)}\n`);
        break;
      case "json-legacy":
        this.#out(`${protoJson(AgentEventSchema, event)}\n`);
        break;
    }
    this.#printed++;
  }

  /** The table, which nothing can follow. */
  close(): void {
    if (this.#table !== "") this.#out(alignTabs(this.#table));
    this.#table = "";
  }
}

/** Notification that belongs to a type; with another one the client says that it knows nothing. */
const NOTIFICATION_OF: Readonly<Record<number, AgentEvent["notification"]["case"]>> = {
  [AgentEventType.AGENT_EVENT_UNKNOWN]: "unknown",
  [AgentEventType.AGENT_STARTED]: "agentStart",
  [AgentEventType.POLICY_UPDATED]: "policyUpdate",
  [AgentEventType.POLICY_DELETED]: "policyUpdate",
  [AgentEventType.ENDPOINT_REGENERATE_SUCCESS]: "endpointRegenerate",
  [AgentEventType.ENDPOINT_REGENERATE_FAILURE]: "endpointRegenerate",
  [AgentEventType.ENDPOINT_CREATED]: "endpointUpdate",
  [AgentEventType.ENDPOINT_DELETED]: "endpointUpdate",
  [AgentEventType.IPCACHE_UPSERTED]: "ipcacheUpdate",
  [AgentEventType.IPCACHE_DELETED]: "ipcacheUpdate",
  [AgentEventType.SERVICE_UPSERTED]: "serviceUpsert",
  [AgentEventType.SERVICE_DELETED]: "serviceDelete",
};

function detailsOf({ type, notification }: AgentEvent, layout: TimeLayout): string {
  if (notification.case === undefined || NOTIFICATION_OF[type] !== notification.case) return "UNKNOWN";
  switch (notification.case) {
    case "unknown":
      return `type: ${notification.value.type}, notification: ${notification.value.notification}`;
    case "agentStart":
      return `start time: ${formatTime(layout, notification.value.time)}`;
    case "policyUpdate": {
      const { labels, revision, ruleCount } = notification.value;
      return `labels: [${labels.join(",")}], revision: ${revision}, count: ${ruleCount}`;
    }
    case "endpointRegenerate": {
      const { id, labels, error } = notification.value;
      return `id: ${id}, labels: [${labels.join(",")}]${named("error", error)}`;
    }
    case "endpointUpdate": {
      const { id, namespace, podName } = notification.value;
      return `id: ${id}${named("namespace", namespace)}${named("pod name", podName)}`;
    }
    case "ipcacheUpdate": {
      const { cidr, identity, oldIdentity, hostIp, oldHostIp, encryptKey } = notification.value;
      const before = oldIdentity === undefined ? "" : `, old identity: ${oldIdentity}`;
      return `cidr: ${cidr}, identity: ${identity}${before}${named("host ip", hostIp)}${named("old host ip", oldHostIp)}, encrypt key: ${encryptKey}`;
    }
    case "serviceUpsert":
      return serviceDetails(notification.value);
    case "serviceDelete":
      return `id: ${notification.value.id}`;
  }
}

function serviceDetails({ id, frontendAddress, backendAddresses, type, trafficPolicy, namespace, name }: ServiceUpsertNotification): string {
  const address = ({ ip, port }: { readonly ip: string; readonly port: number }): string => joinHostPort(ip, String(port));
  const frontend = frontendAddress === undefined ? "" : `, frontend: ${address(frontendAddress)}`;
  const backends = backendAddresses.length === 0 ? "" : `, backends: [${backendAddresses.map(address).join(",")}]`;
  const rest = named("type", type) + named("traffic policy", trafficPolicy) + named("namespace", namespace) + named("name", name);
  return `id: ${id}${frontend}${backends}${rest}`;
}

function named(name: string, value: string): string {
  return value === "" ? "" : `, ${name}: ${value}`;
}
