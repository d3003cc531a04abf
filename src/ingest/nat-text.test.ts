import { describe, expect, it } from "vitest";
import { parseConntrackText } from "./conntrack-text.js";
import { parseNatRetriesText } from "./nat-retries-text.js";
import { natOrphans, summarizeNat } from "./nat-summary.js";
import { parseNatText } from "./nat-text.js";

const forward = (port: number, to = port): string => `TCP OUT 10.0.1.17:${port} -> 203.0.113.5:443 XLATE_SRC 192.0.2.10:${to} Created=12sec ago NeedsCT=0`;
const reverse = (port: number, to = port): string => `TCP IN 203.0.113.5:443 -> 192.0.2.10:${to} XLATE_DST 10.0.1.17:${port} Created=12sec ago NeedsCT=1`;
const tracked = (tuple: string, flags = "0x0010"): string =>
  `${tuple} expires=100 Packets=0 Bytes=0 RxFlagsSeen=0x00 LastRxReport=0 TxFlagsSeen=0x00 LastTxReport=0 Flags=${flags} [ ] RevNAT=0 SourceSecurityID=7 BackendID=0 `;

describe("entries", () => {
  it("of every release", () => {
    const { table, skipped } = parseNatText([
      forward(41900, 50001),
      reverse(41900, 50001),
      "UDP OUT 10.0.1.17:5 -> 203.0.113.5:53 XLATE_SRC 192.0.2.10:6 Created=7sec HostLocal=1",
      "TCP OUT fd00::1:5 -> 2001:db8::1:53 XLATE_SRC 2001:db8::2:6 Created=? (raw 12345) NeedsCT=0",
      "",
    ]);
    expect(skipped.count).toBe(0);
    expect([...table.age]).toEqual([12, 12, 7, Number.NaN]);
    expect([...table.needsCt]).toEqual([0, 1, 0, 0]);
    expect([...table.toPort]).toEqual([50001, 41900, 6, 6]);
    expect([...table.tupleFlags]).toEqual([0, 1, 0, 0]);
    expect(table.addresses.text(table.toAddress[3]!)).toBe("2001:db8::2");
  });

  it("that are damaged are skipped with their line", () => {
    const { table, skipped } = parseNatText([forward(1), forward(2).slice(0, 48), forward(3).replace("192.0.2.10:3", "192.0.2.10"), tracked("TCP OUT 1.1.1.1:1 -> 2.2.2.2:2")]);
    expect(table.size).toBe(1);
    expect(skipped.first).toEqual([
      { line: 2, reason: "has no XLATE_SRC or XLATE_DST" },
      { line: 3, reason: 'has no address and port to translate to: "192.0.2.10"' },
      { line: 4, reason: "has no XLATE_SRC or XLATE_DST" },
    ]);
  });
});

describe("the summary", () => {
  const { table } = parseNatText([forward(1), reverse(1), forward(2, 1002), reverse(2, 1002), forward(3), reverse(4), reverse(5, 1005)]);

  it("tells whole mappings from halves, and which remote end holds how many ports", () => {
    expect(summarizeNat(table)).toEqual({
      entries: 7, forward: 3, reverse: 4, mappings: 2, forwardAlone: 1, reverseAlone: 2, oldest: 12,
      portsInUse: [{ protocol: "TCP", egressAddress: "192.0.2.10", remoteAddress: "203.0.113.5", remotePort: 443, ports: 4 }],
    });
  });

  it("joined with conntrack finds what nobody tracks", () => {
    const conntrack = parseConntrackText([
      tracked("TCP OUT 10.0.1.17:1 -> 203.0.113.5:443"),
      tracked("TCP OUT 10.0.1.17:5 -> 203.0.113.5:443"),
      // No mapping, but no packet beyond the SYN either; then one that has lost it.
      tracked("TCP OUT 10.0.1.17:8 -> 203.0.113.5:443", "0x0000"),
      tracked("TCP OUT 10.0.1.17:9 -> 203.0.113.5:443"),
      tracked("TCP IN 203.0.113.5:443 -> 10.0.1.17:2"),
    ]).table;
    // Tracked: both halves of 1, the reverse of 5. Not: 2 (both), 3, 4. 5 and 9 have no forward entry.
    expect(natOrphans(conntrack, table)).toEqual({
      orphans: 4, forward: 2, reverse: 2, connectionsWithoutMapping: 2,
      portsHeld: [{ protocol: "TCP", egressAddress: "192.0.2.10", remoteAddress: "203.0.113.5", remotePort: 443, ports: 2 }],
    });
  });

  it("knows entries that DSR keeps by the turned tuple", () => {
    const nat = parseNatText(["TCP OUT 10.244.1.1:8080 -> 172.19.0.2:57716 XLATE_SRC 172.19.0.5:31607 Created=1sec ago NeedsCT=0"]).table;
    const orphans = (flags: string): number => natOrphans(parseConntrackText([tracked("TCP OUT 172.19.0.2:57716 -> 10.244.1.1:8080", flags)]).table, nat).orphans;
    expect(orphans("0x0093")).toBe(0);
    expect(orphans("0x0013")).toBe(1);
  });
});

it("retries of both families are added up", () => {
  expect(parseNatRetriesText(["0:\t900", "1:\t12", "2:\t0", "0:\t3", "1:\t0", "2:\t5", "x"])).toEqual({
    counts: [903, 12, 5],
    skipped: { count: 1, first: [{ line: 7, reason: "is no pair of retries and count" }] },
  });
});
