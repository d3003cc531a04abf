/** Lines as bytes beside plain strings: pieces, numbers, stamps, and lines of an encoder that remembers beside one that does not. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { flowLine, linesText } from "../../test/support/flow-lines.js";
import { FlowRow, ROW_DESTINATION, ROW_ORIGINAL, ROW_SOURCE } from "./flow-row.js";
import { Ethernet } from "./ethernet.js";
import { flowFormat } from "./flow-format.js";
import { FlowTables, NOBODY } from "./flow-tables.js";
import { FlowUuids, TimestampText } from "./flow-text.js";
import { FlowEncoder } from "./hubble-flow.js";
import { LineBytes, piece } from "./line-bytes.js";
import { PieceCache } from "./piece-cache.js";

describe("LineBytes", () => {
  it("holds what a string would, however it grows", () => {
    const part = fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 30 }),
      fc.nat(), fc.maxSafeNat(), fc.constantFrom(0, 9, 10, 99, 100, 2 ** 53 - 1),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(part, fc.boolean()), { maxLength: 40 }), (parts) => {
        const line = new LineBytes(1);
        for (const [value, once] of parts) {
          if (typeof value === "number") line.putDecimal(value);
          else if (once) line.putText(value);
          else line.put(piece(value));
        }
        const text = parts.map(([value]) => String(value)).join("");
        expect(linesText(line.bytes())).toBe(text);
        expect(line.length).toBe(Buffer.byteLength(text));
        line.clear();
        expect(line.bytes().length).toBe(0);
      }),
    );
  });
});

const EPOCH_SECONDS = 1_735_689_600;

/** By the language's own dates: as few digits of the second as carry it, in threes. */
function plainStamp(atNs: number): string {
  const second = Math.floor(atNs / 1e9);
  const fraction = String(atNs - second * 1e9).padStart(9, "0").replace(/(?:000){1,3}$/, "");
  return `${new Date((EPOCH_SECONDS + second) * 1000).toISOString().slice(0, 19)}${fraction === "" ? "" : `.${fraction}`}Z`;
}

describe("stamps", () => {
  it("of time and UUIDs are the same as bytes and as text", () => {
    const moment = fc.oneof(fc.maxSafeNat(), ...[1e9, 1e6, 1e3].map((unit) => fc.nat(1e6).map((count) => count * unit)));
    const stamps = fc.array(fc.tuple(moment, fc.maxSafeNat()), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(stamps, fc.array(fc.integer(), { minLength: 4, maxLength: 4 }), (each, key) => {
        const time = new TimestampText(EPOCH_SECONDS);
        const [uuids, plainUuids] = [new FlowUuids(key), new FlowUuids(key)];
        for (const [at, number] of each) {
          const line = new LineBytes(8);
          time.put(at, line);
          // A text of another moment in between, as a lost event's line has it, leaves no trace.
          expect(time.at(each[0]![0])).toBe(plainStamp(each[0]![0]));
          time.put(at, line);
          uuids.put(number, line);
          expect(linesText(line.bytes())).toBe(plainStamp(at) + plainStamp(at) + plainUuids.text(number));
        }
      }),
    );
  });
});

describe("PieceCache", () => {
  it("gives what was kept for a key or nothing, and soon asked keys stay", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: -3, max: 3 }), fc.integer({ min: 0, max: 3 })), { maxLength: 200 }), (keys) => {
        const cache = new PieceCache(2, 8);
        for (const key of keys) {
          cache.key.set(key);
          const text = key.join("/");
          expect(linesText(cache.find() ?? cache.keep(text))).toBe(text);
          expect(cache.find()).toBeDefined();
        }
      }),
    );
  });

  it("takes sizes that are powers of two", () => {
    expect(() => new PieceCache(1, 6)).toThrow(/power of two/);
  });
});

const ENDPOINTS = [
  { address: [0x0a00000a], otherAddress: [1, 2, 3, 4], node: 0, id: 5, identity: 300, namespace: "a", podName: "p-0", labels: ["k8s:a=ü"], cgroupId: 77 },
  { address: [0x0a00000b], node: 0, id: 6, identity: 301, namespace: "a", podName: "p-1", workloads: [{ name: "p", kind: "Deployment" }] },
  { address: [0x0a00000c], node: 1, id: 0, identity: 301, namespace: "b", podName: "q-0" },
  { address: [0x0a000101], node: 1, id: 0, identity: 6 },
];
const tables = new FlowTables({
  endpoints: ENDPOINTS,
  services: [{ address: [0x0a600001], port: 80, name: "web", namespace: "a" }, { address: [0x0a600002], port: 53, name: "dns", namespace: "b" }],
  interfaces: new Map([[2, "eth0"]]),
});
const ethernet = new Ethernet({
  key: [1, 2, 3, 4], endpoints: ENDPOINTS, hostIfindex: 3, tunnelIfindex: 4, podsHaveAddresses: true, skipsFib: true, directRoutes: true,
});

/** Few values of each field, so that rows often differ in one only. */
const end = fc.constantFrom(NOBODY, 0, 1, 2, 3);
const identity = fc.constantFrom(0, 2, 300);
const service = fc.constantFrom(NOBODY, 0, 1);
const described = fc.record({
  timeNs: fc.constantFrom(0, 1_500_000_000, 1_500_000_001),
  family: fc.constantFrom(1 as const, 4 as const),
  translated: fc.constantFrom(0, 1),
  encrypted: fc.constantFrom(0, 1),
  protocol: fc.constantFrom(1, 6, 17, 58, 132, 47),
  hasPorts: fc.constantFrom(0, 1),
  sport: fc.constantFrom(0, 80, 65_535),
  dport: fc.constantFrom(0, 53, 40_000),
  tcpFlags: fc.constantFrom(0, 2, 18, 0x100, 0x102),
  icmpType: fc.constantFrom(0, 3, 8, 128),
  icmpCode: fc.constantFrom(0, 1, 3),
  sourceEndpoint: end,
  destinationEndpoint: end,
  sourceIdentity: identity,
  destinationIdentity: identity,
  sourceService: service,
  destinationService: service,
  eventType: fc.constantFrom(1, 4, 5, 7),
  subType: fc.constantFrom(0, 1, 2, 4, 11, 133),
  verdict: fc.constantFrom(1, 2, 5, 6),
  direction: fc.constantFrom(0, 1, 2),
  reply: fc.constantFrom(-1, 0, 1),
  dropCode: fc.constantFrom(0, 133, 155),
  policyMatch: fc.constantFrom(0, 1, 4),
  traceReason: fc.constantFrom(0, 1, 2, 5),
  ifindex: fc.constantFrom(0, 2, 7),
  proxyPort: fc.constantFrom(0, 10_001),
  cookie: fc.constantFrom(0, 12_345),
  frame: fc.constantFrom(0, 1, 2, 3, 4, 5, 6),
  frameEndpoint: fc.constantFrom(0, 5, 6),
  address: fc.constantFrom(0x0a00000a, 0x0a00000b, -0x3f57fffe),
});

type Described = typeof described extends fc.Arbitrary<infer Row> ? Row : never;

describe("an encoder that remembers pieces", () => {
  const encoder = (): FlowEncoder =>
    new FlowEncoder({
      tables, ethernet, nodeName: "c/n", epochSeconds: 1_735_689_600, uuidKey: [1, 2, 3, 4], nodeLabels: ["a=b"],
      format: flowFormat(["Flow.trace_reason=36", "IP.source_xlated=5", "Flow.node_labels=7"], "1.16.0"),
    });

  it("writes the lines of one that has just begun, whichever field has changed", () => {
    const remembers = encoder();
    const rowOf = ({ address, ...fields }: Described, other: number): FlowRow => {
      const row = Object.assign(new FlowRow(), fields);
      [address, other, address ^ other].forEach((word, i) => row.addresses.fill(word, [ROW_SOURCE, ROW_DESTINATION, ROW_ORIGINAL][i]!, [4, 8, 12][i]!));
      return row;
    };
    fc.assert(
      fc.property(described, described, (one, other) => {
        remembers.put(rowOf(one, other.address), 0, new LineBytes(1024));
        for (const field of Object.keys(one) as (keyof Described)[]) {
          const row = rowOf({ ...one, [field]: other[field] }, other.address);
          const line = flowLine(encoder(), row, 1);
          expect(flowLine(remembers, row, 1)).toBe(line);
          expect((JSON.parse(line) as { flow: { event_type: { type: number } } }).flow.event_type.type).toBe(row.eventType);
        }
      }),
      { numRuns: 40 },
    );
  });
});
