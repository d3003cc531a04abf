/** Lines of flows, byte for byte as the real client re-encodes them (recorded), and the texts inside. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { parseAddress } from "../cilium/maps/address.js";
import { DROP_REASONS } from "../cilium/datapath/drop-reasons.js";
import { FlowTables, type FlowEndpoint, NOBODY } from "./flow-tables.js";
import { FlowUuids, goString, icmpSummary, TimestampText } from "./flow-text.js";
import { FLOW_FORMAT_114, flowFormat } from "./flow-format.js";
import { FLOW_EVENT, FLOW_REPLY, FLOW_VERDICT, FlowRow, ROW_DESTINATION, ROW_SOURCE } from "./flow-row.js";
import { FlowEncoder } from "./hubble-flow.js";
import { flowLine } from "../../test/support/flow-lines.js";

/** A flow as JSON, as far as these tests look into it. */
interface RecordedFlow {
  readonly time: string;
  readonly uuid: string;
  readonly verdict?: string;
  readonly drop_reason?: number;
  readonly IP?: { readonly source: string; readonly destination: string; readonly ipVersion: string; readonly encrypted?: boolean };
  readonly l4?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly source?: RecordedEndpoint;
  readonly destination?: RecordedEndpoint;
  readonly Type?: string;
  readonly node_name?: string;
  readonly reply?: boolean;
  readonly event_type?: { readonly type?: number; readonly sub_type?: number };
  readonly source_service?: { readonly name?: string; readonly namespace?: string };
  readonly destination_service?: { readonly name?: string; readonly namespace?: string };
  readonly traffic_direction?: string;
  readonly policy_match_type?: number;
  readonly trace_observation_point?: string;
  readonly drop_reason_desc?: string;
  readonly is_reply?: boolean;
  readonly interface?: { readonly index?: number; readonly name?: string };
  readonly proxy_port?: number;
  readonly Summary?: string;
}

interface RecordedEndpoint {
  readonly ID?: number;
  readonly identity?: number;
  readonly namespace?: string;
  readonly labels?: readonly string[];
  readonly pod_name?: string;
  readonly workloads?: readonly { readonly name: string; readonly kind: string }[];
}

function vectorText(name: string): string {
  return gunzipSync(readFileSync(new URL(`../../test/vectors/hubble/${name}.gz`, import.meta.url))).toString("utf8");
}

/** Flows as the client's own encoder wrote them. */
const lines = (JSON.parse(vectorText("flow-lines.json")) as { vectors: { expect: { jsonpb?: string } }[] }).vectors.flatMap(
  ({ expect: { jsonpb } }) => (jsonpb === undefined ? [] : jsonpb.split("\n").filter((line) => line.startsWith('{"flow"'))),
);

/** Fields that a flow of the model never has; lines with them are not for these tests. */
const FOREIGN = [
  "l7",
  "auth_type",
  "ethernet",
  "source_names",
  "destination_names",
  "debug_capture_point",
  "cgroup_id",
  "socket_cookie",
  "sock_xlate_point",
];
const FLAG_BITS: Readonly<Record<string, number>> = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16, URG: 32, ECE: 64, CWR: 128 };

function endpointOf(address: readonly number[], recorded: RecordedEndpoint): FlowEndpoint {
  const { ID = 0, identity = 0, namespace, labels = [], pod_name: podName, workloads } = recorded;
  return {
    address,
    id: ID,
    identity,
    labels,
    ...(namespace === undefined ? {} : { namespace }),
    ...(podName === undefined ? {} : { podName }),
    ...(workloads === undefined ? {} : { workloads }),
  };
}

/** Some recorded flows were made to try the client: without a summary, with a code that does not fit its name … */
function isConsistent(flow: RecordedFlow): boolean {
  const code = DROP_REASONS.find(({ flowName }) => flowName !== undefined && flowName === flow.drop_reason_desc)?.code;
  const isTrace = flow.event_type?.type === FLOW_EVENT.trace;
  return flow.drop_reason === code && isTrace === (flow.trace_observation_point !== undefined) && (flow.Summary ?? "") !== "";
}

/** The line that the encoder makes of a recorded flow; undefined when the flow has what the model never has. */
function encodeAgain(text: string): string | undefined {
  const wrapper = JSON.parse(text) as { flow: RecordedFlow; node_name: string; time: string };
  const { flow } = wrapper;
  if (FOREIGN.some((name) => name in flow) || flow.Type !== "L3_L4" || flow.IP === undefined) return undefined;
  if (flow.source === undefined || flow.destination === undefined || flow.time !== wrapper.time) return undefined;
  if (!isConsistent(flow)) return undefined;
  const [transport = "", l4 = {}] = Object.entries(flow.l4 ?? {})[0] ?? [];
  const flags = (l4["flags"] ?? {}) as Readonly<Record<string, boolean>>;
  if ("NS" in flags) return undefined;
  const protocol = { TCP: 6, UDP: 17, SCTP: 132, ICMPv4: 1, ICMPv6: 58 }[transport];
  if (protocol === undefined) return undefined;
  const source = parseAddress(flow.IP.source)!;
  const destination = parseAddress(flow.IP.destination)!;
  const [sport = 0, dport = 0] = [l4["source_port"] as number | undefined, l4["destination_port"] as number | undefined];
  const services = [
    [flow.source_service, source, sport],
    [flow.destination_service, destination, dport],
  ] as const;
  const tables = new FlowTables({
    endpoints: [endpointOf(source, flow.source), endpointOf(destination, flow.destination)],
    services: services.flatMap(([service, address, port]) =>
      service === undefined ? [] : [{ address, port, name: service.name ?? "", namespace: service.namespace ?? "" }],
    ),
    interfaces: new Map(flow.interface === undefined ? [] : [[flow.interface.index!, flow.interface.name!]]),
  });
  const row = new FlowRow();
  row.family = source.length === 1 ? 1 : 4;
  row.addresses.set(source, ROW_SOURCE);
  row.addresses.set(destination, ROW_DESTINATION);
  row.encrypted = flow.IP.encrypted === true ? 1 : 0;
  row.protocol = protocol;
  row.sport = sport;
  row.dport = dport;
  for (const name of Object.keys(flags)) row.tcpFlags |= FLAG_BITS[name]!;
  row.icmpType = Number(l4["type"] ?? 0);
  row.icmpCode = Number(l4["code"] ?? 0);
  row.sourceEndpoint = 0;
  row.destinationEndpoint = 1;
  row.sourceService = flow.source_service === undefined ? NOBODY : 0;
  row.destinationService = flow.destination_service === undefined ? NOBODY : flow.source_service === undefined ? 0 : 1;
  row.eventType = flow.event_type?.type ?? 0;
  row.subType = flow.event_type?.sub_type ?? 0;
  row.verdict = ["", "FORWARDED", "DROPPED", "ERROR", "AUDIT", "REDIRECTED", "TRACED", "TRANSLATED"].indexOf(flow.verdict ?? "");
  row.direction = ["", "INGRESS", "EGRESS"].indexOf(flow.traffic_direction ?? "");
  row.reply = flow.is_reply === undefined ? FLOW_REPLY.absent : flow.is_reply ? FLOW_REPLY.yes : FLOW_REPLY.no;
  row.dropCode = DROP_REASONS.find(({ flowName }) => flowName !== undefined && flowName === flow.drop_reason_desc)?.code ?? 0;
  row.policyMatch = flow.policy_match_type ?? 0;
  row.ifindex = flow.interface?.index ?? 0;
  row.proxyPort = flow.proxy_port ?? 0;
  const encoder = new FlowEncoder({
    tables,
    nodeName: flow.node_name ?? "",
    epochSeconds: 0,
    uuidKey: [1, 2, 3, 4],
    format: FLOW_FORMAT_114,
  });
  const line = flowLine(encoder, row, 0)
    .replaceAll('"1970-01-01T00:00:00Z"', `"${flow.time}"`)
    .replace(/"uuid":"[^"]*"/, `"uuid":"${flow.uuid}"`);
  // Most recorded flows lack the deprecated field, which agents still write.
  return flow.reply === true ? line : line.replace(',"reply":true', "");
}

describe("a line", () => {
  it("equals the recorded one, for every flow that the model can have", () => {
    let same = 0;
    for (const line of lines) {
      const ours = encodeAgain(line);
      if (ours === undefined) continue;
      expect(ours).toBe(`${line}\n`);
      same++;
    }
    expect(same).toBe(45);
  });
});

describe("fields by version", () => {
  const tables = new FlowTables({ endpoints: [], services: [] });
  const row = new FlowRow();
  row.addresses.set(parseAddress("10.0.0.9")!, ROW_SOURCE);
  row.addresses.set(parseAddress("10.0.0.1")!, 8);
  row.addresses.set(parseAddress("10.0.0.2")!, ROW_DESTINATION);
  row.translated = 1;
  row.protocol = 6;
  row.tcpFlags = 2;
  row.sourceIdentity = 2;
  row.eventType = FLOW_EVENT.trace;
  row.subType = 11;
  row.verdict = FLOW_VERDICT.forwarded;
  row.traceReason = 0;
  const flowOf = (format: typeof FLOW_FORMAT_114): Record<string, unknown> => {
    const line = flowLine(new FlowEncoder({ tables, nodeName: "node-0", epochSeconds: 0, uuidKey: [1, 2, 3, 4], format }), row, 7);
    return (JSON.parse(line) as { flow: Record<string, unknown> }).flow;
  };

  it("1.14 knows neither trace reason nor translated source nor emitter", () => {
    const flow = flowOf(flowFormat([], "1.14.5"));
    expect(Object.keys(flow)).toEqual([
      "time",
      "uuid",
      "verdict",
      "IP",
      "l4",
      "source",
      "destination",
      "Type",
      "node_name",
      "event_type",
      "trace_observation_point",
      "Summary",
    ]);
    expect(flow["IP"]).toEqual({ source: "10.0.0.1", destination: "10.0.0.2", ipVersion: "IPv4" });
    expect(flow["source"]).toEqual({ identity: 2, labels: ["reserved:world"] });
  });

  it("later ones add them in the order of the message", () => {
    const flow = flowOf(flowFormat(["Flow.trace_reason=36", "IP.source_xlated=5", "Flow.emitter=41"], "1.19.0"));
    expect(Object.keys(flow).slice(0, 4)).toEqual(["time", "uuid", "emitter", "verdict"]);
    expect(flow["emitter"]).toEqual({ name: "Hubble", version: "1.19.0" });
    expect(Object.entries(flow["IP"] as object)).toEqual([
      ["source", "10.0.0.1"],
      ["source_xlated", "10.0.0.9"],
      ["destination", "10.0.0.2"],
      ["ipVersion", "IPv4"],
    ]);
    expect(flow["trace_reason"]).toBe("NEW");
  });
});

describe("texts", () => {
  it("time stamps have as few fraction digits as carry the value", () => {
    const time = new TimestampText(1_735_689_600);
    expect([0, 1e9, 1.5e9, 1_500_001_000, 1_500_001_001, 1_000_000_001, 59.999e9].map((at) => time.at(at))).toEqual([
      "2025-01-01T00:00:00Z",
      "2025-01-01T00:00:01Z",
      "2025-01-01T00:00:01.500Z",
      "2025-01-01T00:00:01.500001Z",
      "2025-01-01T00:00:01.500001001Z",
      "2025-01-01T00:00:01.000000001Z",
      "2025-01-01T00:00:59.999Z",
    ]);
  });

  it("dates are those of the calendar, from 1970 to 2105, leap days and turns of the year included", () => {
    for (let day = 0; day < 49_500; day += day % 365 < 3 || day % 1461 < 2 ? 1 : 13) {
      const expected = new Date(day * 86_400_000).toISOString().replace(".000", "");
      expect(new TimestampText(day * 86_400).at(0)).toBe(expected);
    }
  });

  it("UUIDs are of version 4, differ, and depend on key and number alone", () => {
    const uuids = new FlowUuids([11, 22, 33, 44]);
    const seen = new Set<string>();
    for (let number = 0; number < 20_000; number++) seen.add(uuids.text(number));
    expect(seen.size).toBe(20_000);
    for (const uuid of seen) expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(new FlowUuids([11, 22, 33, 44]).text(5)).toBe(uuids.text(5));
    expect(new FlowUuids([11, 22, 33, 45]).text(5)).not.toBe(uuids.text(5));
    expect(uuids.text(2 ** 32 + 5)).not.toBe(uuids.text(5));
  });

  it("strings are escaped as Go does", () => {
    expect(goString('a<b>&"\u2028')).toBe('"a\\u003cb\\u003e\\u0026\\"\\u2028"');
  });

  it("ICMP summaries name type and code", () => {
    expect(icmpSummary(4, 8, 0)).toBe("ICMPv4 EchoRequest");
    expect(icmpSummary(4, 3, 3)).toBe("ICMPv4 DestinationUnreachable(Port)");
    expect(icmpSummary(4, 3, 99)).toBe("ICMPv4 DestinationUnreachable(Code: 99)");
    expect(icmpSummary(6, 200, 1)).toBe("ICMPv6 200(1)");
  });
});
