/** Whatever happens to a file on its way, its readers give what is left and count the rest. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { parseConntrackText } from "./conntrack-text.js";
import { DumpJson } from "./json-dumps.js";
import { kindOf } from "./kind-of.js";
import { parseMetricsList } from "./metrics-list.js";
import { parseMetricsText } from "./metrics-text.js";
import { parseNatRetriesText } from "./nat-retries-text.js";
import { parseNatText } from "./nat-text.js";
import { parseStatusText } from "./status-text.js";

const LINES = [
  "TCP OUT 10.72.3.2:58842 -> 10.64.0.64:8000 expires=16899626 (remaining: 20 sec(s)) Packets=10 Bytes=871 RxFlagsSeen=0x1b LastRxReport=16899587 " +
    "TxFlagsSeen=0x1b LastTxReport=16899580 Flags=0x0033 [ RxClosing TxClosing ] RevNAT=27 SourceSecurityID=1 BackendID=0 ",
  "TCP IN 203.0.113.5:443 -> 192.0.2.10:41900 XLATE_DST 10.0.1.17:41900 Created=12sec ago NeedsCT=0",
  "3:\t900",
  'cilium_drop_count_total{direction="EGRESS",reason="CT: Map insertion failed"} 12 1735689600',
  "cilium_drop_count_total                    direction=EGRESS reason=Unsupported L3 protocol   3.000000",
  "  ct-map-pressure              26s ago        1h2m3s ago    2       unable to dump the map",
  "BPF Maps:   dynamic sizing: on (ratio: 0.002500)",
];
const JSON_TEXT = JSON.stringify([{ Key: { DestAddr: [10, 0, 1, 17], NextHeader: 6 }, Value: { Lifetime: 1, Created: 1 }, name: "a{\"}", value: 1 }], null, 1);

/** A line with a piece cut out, doubled, or replaced by something else. */
const damaged = (text: string): fc.Arbitrary<string> =>
  fc.record({ at: fc.nat(text.length), length: fc.nat(12), put: fc.oneof(fc.constant(""), fc.constant(text.slice(0, 9)), fc.string({ maxLength: 6 })) }).map(
    ({ at, length, put }) => (text.slice(0, at) + put + text.slice(at + length)).replaceAll("\n", " "),
  );
const lines = fc.array(fc.constantFrom(...LINES).chain((line) => fc.oneof(fc.constant(line), damaged(line))), { maxLength: 12 });

it("every line of a dump is an entry or counted as none", () => {
  fc.assert(
    fc.property(lines, (text) => {
      const filled = text.filter((line) => line.trim() !== "").length;
      for (const parse of [parseConntrackText, parseNatText]) {
        const { table, skipped } = parse(text);
        expect(table.size + skipped.count).toBe(filled);
        for (const column of [table.source, table.destination]) expect([...column].every((id) => id >= 0 && id < table.addresses.size)).toBe(true);
      }
      for (const parse of [parseNatRetriesText, parseMetricsText, parseMetricsList, parseStatusText]) {
        expect(parse(text).skipped.count).toBeLessThanOrEqual(filled);
      }
      kindOf(text.join("\n"));
    }),
    { numRuns: 300 },
  );
});

it("JSON that is damaged is no error", () => {
  fc.assert(
    fc.property(damaged(JSON_TEXT), fc.constantFrom("conntrack", "nat", "nat-retries", "status", "metrics"), (text, kind) => {
      const reader = new DumpJson(kind);
      for (const line of text.split("\n")) reader.add(line);
      expect(reader.finish()).toHaveProperty("skipped");
    }),
    { numRuns: 300 },
  );
});
