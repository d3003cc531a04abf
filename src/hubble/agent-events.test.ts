/** Events of agents as text. What is expected here the real client printed (hubble 0.12.3, from a server with these events). */
import { describe, expect, it } from "vitest";
import { AgentEventPrinter, AgentEventReader, parseAgentEvents } from "./agent-events.js";
import { ALL_FLOWS } from "./command-line.js";
import type { OutputFormat } from "./printer.js";
import { AgentEventType } from "./proto/flow_pb.js";
import { instantFromNs } from "./times.js";

const EVENTS: readonly (readonly [event: object, text: string])[] = [
  [{ type: "AGENT_EVENT_UNKNOWN", unknown: { type: "7", notification: '{"a":"<b>"}' } }, 'AGENT_EVENT_UNKNOWN (type: 7, notification: {"a":"<b>"})'],
  [{ type: "AGENT_STARTED", agent_start: { time: "2025-01-01T00:00:01.123Z" } }, "AGENT_STARTED (start time: Jan  1 00:00:01.123)"],
  [{ type: "AGENT_STARTED", agent_start: {} }, "AGENT_STARTED (start time: N/A)"],
  [
    { type: "POLICY_UPDATED", policy_update: { labels: ["k8s:a=b", "k8s:c=d"], revision: "18446744073709551615", rule_count: "-3" } },
    "POLICY_UPDATED (labels: [k8s:a=b,k8s:c=d], revision: 18446744073709551615, count: -3)",
  ],
  [{ type: "ENDPOINT_REGENERATE_SUCCESS", endpoint_regenerate: { id: "42", labels: ["k8s:x"] } }, "ENDPOINT_REGENERATE_SUCCESS (id: 42, labels: [k8s:x])"],
  [
    { type: "ENDPOINT_REGENERATE_FAILURE", endpoint_regenerate: { id: "43", error: "no (room)" } },
    "ENDPOINT_REGENERATE_FAILURE (id: 43, labels: [], error: no (room))",
  ],
  [{ type: "ENDPOINT_CREATED", endpoint_update: { id: "44", labels: ["a"], pod_name: "p", namespace: "n" } }, "ENDPOINT_CREATED (id: 44, namespace: n, pod name: p)"],
  [{ type: "ENDPOINT_DELETED", endpoint_update: { id: "45" } }, "ENDPOINT_DELETED (id: 45)"],
  [
    { type: "IPCACHE_UPSERTED", ipcache_update: { cidr: "10.0.0.1/32", identity: 7, old_identity: 0, host_ip: "1.2.3.4", old_host_ip: "1.2.3.5", encrypt_key: 3 } },
    "IPCACHE_UPSERTED (cidr: 10.0.0.1/32, identity: 7, old identity: 0, host ip: 1.2.3.4, old host ip: 1.2.3.5, encrypt key: 3)",
  ],
  [{ type: "IPCACHE_DELETED", ipcache_update: { cidr: "fd00::1/128" } }, "IPCACHE_DELETED (cidr: fd00::1/128, identity: 0, encrypt key: 0)"],
  [
    {
      type: "SERVICE_UPSERTED",
      service_upsert: {
        id: 1, frontend_address: { ip: "fd00::1", port: 80 }, backend_addresses: [{ ip: "10.0.0.1", port: 8080 }, { ip: "::1" }],
        type: "ClusterIP", traffic_policy: "Cluster", name: "n", namespace: "ns", ext_traffic_policy: "Local",
      },
    },
    "SERVICE_UPSERTED (id: 1, frontend: [fd00::1]:80, backends: [10.0.0.1:8080,[::1]:0], type: ClusterIP, traffic policy: Cluster, namespace: ns, name: n)",
  ],
  [{ type: "SERVICE_DELETED", service_delete: { id: 9 } }, "SERVICE_DELETED (id: 9)"],
  [{ type: "AGENT_STARTED", service_delete: { id: 9 } }, "AGENT_STARTED (UNKNOWN)"],
  [{ type: 99 }, "99 (UNKNOWN)"],
];
const time = "2025-07-29T03:24:05.572Z";
const lineOf = (event: object): string => JSON.stringify({ agent_event: event, node_name: "kind/n1", time });

function read(...lines: readonly string[]) {
  const skipped: string[] = [];
  const reader = new AgentEventReader({ skipped: (reason) => void skipped.push(reason), unknownField: () => {} });
  return { events: lines.flatMap((line) => reader.read(line) ?? []), skipped };
}

function print(output: OutputFormat, nodeName: boolean, ...lines: readonly string[]): string {
  let text = "";
  const printer = new AgentEventPrinter({ output, timeLayout: "stampmilli", nodeName }, (piece) => (text += piece));
  for (const event of read(...lines).events) printer.print(event);
  printer.close();
  return text;
}

describe("events of agents", () => {
  it.each(EVENTS)("%j", (event, text) => {
    expect(print("compact", false, lineOf(event))).toBe(`Jul 29 03:24:05.572: ${text}\n`);
  });

  it("in every form", () => {
    const two = [lineOf(EVENTS[7]![0]), lineOf(EVENTS[11]![0])];
    expect(print("compact", true, two[0]!)).toBe("Jul 29 03:24:05.572 [kind/n1]: ENDPOINT_DELETED (id: 45)\n");
    expect(print("dict", true, ...two)).toBe(
      "  TIMESTAMP: Jul 29 03:24:05.572\n       NODE: kind/n1\n       TYPE: ENDPOINT_DELETED\n    DETAILS: id: 45\n" +
        "------------  TIMESTAMP: Jul 29 03:24:05.572\n       NODE: kind/n1\n       TYPE: SERVICE_DELETED\n    DETAILS: id: 9\n",
    );
    expect(print("table", false, ...two)).toBe(
      "TIMESTAMP             TYPE               DETAILS\n" +
        "Jul 29 03:24:05.572   ENDPOINT_DELETED   id: 45\nJul 29 03:24:05.572   SERVICE_DELETED    id: 9\n",
    );
    expect(print("jsonpb", false, ...two)).toBe(`${two.join("\n")}\n`);
    expect(print("json-legacy", false, two[1]!)).toBe('{"type":"SERVICE_DELETED","service_delete":{"id":9}}\n');
  });

  it("flows beside them are passed over, everything else is named", () => {
    const { events, skipped } = read('{"flow":{"verdict":"FORWARDED"}}', lineOf(EVENTS[7]![0]), '{"lost_events":{}}', "", '{"agent_event":{"type":"AGENT_STARTED"', '{"flow":{"ver');
    expect(events).toHaveLength(1);
    expect(skipped).toHaveLength(3);
  });

  it("a type that nobody knows skips the line, a field that nobody knows is noted once", () => {
    const skipped: string[] = [];
    const unknown: string[] = [];
    const reader = new AgentEventReader({ skipped: (reason) => void skipped.push(reason), unknownField: (name) => void unknown.push(name) });
    expect(reader.read(lineOf({ type: "POLICY_FORGOTTEN", policy_update: { rule_count: "1" } }))).toBeUndefined();
    expect(skipped).toEqual(['field type: unknown name "POLICY_FORGOTTEN"']);
    const newer = lineOf({ type: "AGENT_STARTED", agent_start: { time }, mood: "good" });
    const { AGENT_STARTED } = AgentEventType;
    expect([newer, newer].map((line) => reader.read(line)?.agentEvent?.type)).toEqual([AGENT_STARTED, AGENT_STARTED]);
    expect(unknown).toEqual(["mood"]);
    expect(skipped).toHaveLength(1);
    expect(reader.read(JSON.stringify({ debug_event: { type: "DBG_CT_MATCH" }, time }))).toBeUndefined();
    expect(skipped).toHaveLength(1);
  });
});

describe("the command line", () => {
  const context = { release: "latest", now: instantFromNs(0n), legacyJson: false } as const;
  const numberOf = (...args: readonly string[]): bigint => parseAgentEvents(["agent-events", "run", ...args], context).request.number;

  it("asks for 20, also before those to come", () => {
    expect([numberOf(), numberOf("-f"), numberOf("--last", "3"), numberOf("--all")]).toEqual([20n, 20n, 3n, ALL_FLOWS]);
    expect(numberOf("-f", "--since", "2025-01-01T00:00:00Z")).toBe(0n);
  });

  it("knows no filters of flows", () => {
    expect(() => numberOf("--pod", "a")).toThrow("unknown flag: --pod");
    expect(() => numberOf("--allowlist", "{}")).toThrow("unknown flag: --allowlist");
  });
});
