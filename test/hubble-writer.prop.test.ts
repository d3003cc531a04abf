/** Every line that a run writes is the library's own form of the message in it: read, written again, equal. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DROP_REASONS } from "../src/cilium/datapath/drop-reasons.js";
import { protoJson } from "../src/hubble/json.js";
import { FlowLineReader } from "../src/hubble/line-reader.js";
import type { ClientRelease } from "../src/hubble/names.js";
import { DropReasonSchema } from "../src/hubble/proto/flow_pb.js";
import { GetFlowsResponseSchema } from "../src/hubble/proto/observer_pb.js";
import { FlowTables, NOBODY } from "../src/observe/flow-tables.js";
import type { Layer7 } from "../src/observe/layer7.js";
import { flowFormat, type FlowFormat } from "../src/observe/flow-format.js";
import { FLOW_EVENT, FLOW_REPLY, FlowRow, ROW_DESTINATION } from "../src/observe/flow-row.js";
import { FlowEncoder } from "../src/observe/hubble-flow.js";
import { flowLine } from "./support/flow-lines.js";

const word = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff });
const port = fc.constantFrom(0, 1, 53, 80, 65535);
const name = fc.string({ unit: fc.constantFrom("a", "<", "&", '"', "\\", "é", "\u2028", "\n"), minLength: 1, maxLength: 6 });

const endpoint = fc.record(
  {
    address: fc.tuple(word),
    id: fc.constantFrom(0, 7, 65535),
    identity: fc.constantFrom(0, 1, 2, 4711, 16777217),
    clusterName: name,
    namespace: name,
    podName: name,
    labels: fc.array(name, { maxLength: 3 }),
    workloads: fc.array(fc.record({ name, kind: name }), { maxLength: 2 }),
  },
  { requiredKeys: ["address", "id", "identity"] },
);
const service = fc.record({ address: fc.tuple(word), port, name, namespace: name });

/** Codes that events carry: those with a name in the API, and some without. */
const dropCode = fc.constantFrom(0, ...DROP_REASONS.map(({ code }) => code).filter((code) => code in DropReasonSchema.value || code === 159));

const row = fc.record({
  timeNs: fc.oneof(fc.constantFrom(0, 1, 1000, 1_000_000, 1_500_000_000), fc.integer({ min: 0, max: 1e15 })),
  family: fc.constantFrom(1 as const, 4 as const),
  translated: fc.constantFrom(0, 1),
  encrypted: fc.constantFrom(0, 1),
  protocol: fc.constantFrom(1, 6, 17, 58, 132, 47),
  hasPorts: fc.constantFrom(0, 1),
  sport: port,
  dport: port,
  tcpFlags: fc.integer({ min: 0, max: 255 }),
  icmpType: fc.constantFrom(0, 3, 8, 11, 128, 200),
  icmpCode: fc.constantFrom(0, 1, 4, 99),
  sourceEndpoint: fc.constantFrom(NOBODY, 0, 1),
  destinationEndpoint: fc.constantFrom(NOBODY, 0, 1),
  sourceIdentity: fc.constantFrom(0, 2, 4711),
  destinationIdentity: fc.constantFrom(0, 6, 31337),
  sourceService: fc.constantFrom(NOBODY, 0),
  destinationService: fc.constantFrom(NOBODY, 0),
  eventType: fc.constantFrom(FLOW_EVENT.drop, FLOW_EVENT.trace, FLOW_EVENT.policyVerdict),
  verdict: fc.integer({ min: 1, max: 7 }),
  direction: fc.integer({ min: 0, max: 2 }),
  reply: fc.constantFrom(...Object.values(FLOW_REPLY)),
  policyMatch: fc.integer({ min: 0, max: 7 }),
  traceReason: fc.constantFrom(0, 1, 2, 3, 5, 6, 7),
  ifindex: fc.constantFrom(0, 1, 3),
  proxyPort: fc.constantFrom(0, 15001),
});
const event = fc
  .tuple(row, dropCode, fc.integer({ min: 0, max: 11 }), fc.array(word, { minLength: 12, maxLength: 12 }))
  .map(([fields, code, point, addresses]) => {
    const described = Object.assign(new FlowRow(), fields, {
      dropCode: fields.eventType === FLOW_EVENT.trace ? 0 : code,
      subType: fields.eventType === FLOW_EVENT.trace ? point : fields.eventType === FLOW_EVENT.drop ? code : 0,
    });
    described.addresses.set(addresses);
    return described;
  });

const answer = fc.record({
  rcode: fc.constantFrom(0, 2, 3, 23),
  ips: fc.array(fc.constantFrom("203.0.113.9", "fd00::1"), { maxLength: 2 }),
  ttlS: fc.constantFrom(0, 30, 4294967295),
});
const layer7: fc.Arbitrary<Layer7> = fc.record({
  type: fc.constantFrom("REQUEST" as const, "RESPONSE" as const),
  latencyNs: fc.constantFrom(0, 1, 7_123_456, 1e15),
  record: fc.oneof(
    fc.record({ kind: fc.constant("dns" as const), query: name, qtype: fc.constantFrom("A" as const, "AAAA" as const), answer: fc.option(answer) }),
    fc.record({ kind: fc.constant("http" as const), method: name, url: name, code: fc.constantFrom(0, 200, 503), requestId: fc.uuid() }),
  ),
});
/** What a proxy tells, and names of the ends. */
const logged = fc.tuple(event, layer7, fc.constantFrom(6, 17), fc.integer({ min: 1, max: 2 })).map(([described, record, protocol, direction]) =>
  Object.assign<FlowRow, Partial<FlowRow>>(described, {
    eventType: FLOW_EVENT.accessLog, subType: 0, dropCode: 0, translated: 0, encrypted: 0, layer7: record, protocol, direction, reply: FLOW_REPLY.no,
  }) as FlowRow,
);

const translated = fc.tuple(event, fc.integer({ min: 1, max: 4 }), fc.constantFrom(6, 17), fc.nat()).map(([described, subType, protocol, cookie]) =>
  Object.assign<FlowRow, Partial<FlowRow>>(described, {
    eventType: FLOW_EVENT.traceSock, subType, protocol, cookie, dropCode: 0, translated: 0, encrypted: 0, sport: 0, verdict: subType % 2 === 1 ? 6 : 7,
  }) as FlowRow,
);

const FORMATS: readonly (readonly [string, FlowFormat, ClientRelease])[] = [
  ["1.14", flowFormat([], "1.14.5"), "0.12.3"],
  ["1.16", flowFormat(["Flow.trace_reason=36", "IP.source_xlated=5"], "1.16.0"), "latest"],
  ["1.19", flowFormat(["Flow.trace_reason=36", "IP.source_xlated=5", "Flow.emitter=41"], "1.19.0"), "latest"],
];

/** The line as the library writes what it reads; throws for a line that a client of that release would complain about. */
function again(line: string, release: ClientRelease): string {
  const reader = new FlowLineReader(release, {
    skipped: (reason) => {
      throw new Error(reason);
    },
    unknownField: (field) => {
      throw new Error(`unknown field ${field}`);
    },
  });
  return `${protoJson(GetFlowsResponseSchema, reader.read(line)!)}\n`;
}

/** Codes that Cilium 1.14 has no name for. */
const NEWER_THAN_1_14 = new Set([195, 198, 199, 200, 201, 202, 203, 204, 205]);

describe.each(FORMATS)("lines of Cilium %s", (version, format, release) => {
  const encoderOf = (endpoints: readonly object[], services: readonly object[], nodeName: string): FlowEncoder =>
    new FlowEncoder({
      tables: new FlowTables({ endpoints: endpoints as never, services: services as never, interfaces: new Map([[3, "eth<0>"]]) }),
      nodeName,
      epochSeconds: 1_735_689_600,
      uuidKey: [1, 2, 3, 4],
      format,
    });

  it("flows are canonical", () => {
    fc.assert(
      fc.property(fc.oneof(event, event, translated), fc.tuple(endpoint, endpoint), service, name, (described, endpoints, served, nodeName) => {
        if (version === "1.14" && (NEWER_THAN_1_14.has(described.dropCode) || endpoints.some(({ clusterName }) => clusterName !== undefined))) return;
        const line = flowLine(encoderOf(endpoints, [served], nodeName), described, 5);
        expect(again(line, release)).toBe(line);
      }),
      { numRuns: 300 },
    );
  });

  it("what proxies tell is canonical, with the names of ends", () => {
    fc.assert(
      fc.property(logged, fc.tuple(endpoint, endpoint), name, fc.uniqueArray(name, { maxLength: 2 }), (described, ends, nodeName, names) => {
        if (version === "1.14" && ends.some(({ clusterName }) => clusterName !== undefined)) return;
        const tables = new FlowTables({ endpoints: ends as never, services: [{ address: [0], port: 1, name: "s", namespace: "n" }] });
        const destination = tables.addressText(described.addresses, ROW_DESTINATION, described.family);
        for (const each of names) tables.learnName(ends[0].id, destination, each, Infinity);
        const encoder = new FlowEncoder({ tables, nodeName, epochSeconds: 1_735_689_600, uuidKey: [1, 2, 3, 4], format });
        const line = flowLine(encoder, described, 5);
        expect(again(line, release)).toBe(line);
        const asker = tables.endpointId(described.sourceEndpoint);
        const shown = asker === ends[0].id && asker !== 0 ? names.length : 0;
        expect((JSON.parse(line) as { flow: { destination_names?: string[] } }).flow.destination_names?.length ?? 0).toBe(shown);
      }),
      { numRuns: 200 },
    );
  });

  it("node status and lost events are canonical", () => {
    const encoder = encoderOf([], [], "kind/n1");
    for (const line of [
      encoder.nodeStatusLine("NODE_UNAVAILABLE", 1_500_000_000),
      encoder.nodeStatusLine("NODE_CONNECTED", 0),
      encoder.lostLine("HUBBLE_RING_BUFFER", 7, null, 1),
      encoder.lostLine("PERF_EVENT_RING_BUFFER", 7, 0, 1),
    ]) {
      expect(again(line, release)).toBe(line);
    }
  });
});
