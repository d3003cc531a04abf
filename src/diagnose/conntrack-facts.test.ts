import { describe, expect, it } from "vitest";
import { settled } from "../cilium/profile/assumptions.js";
import { ciliumProfile } from "../cilium/profile/cilium.js";
import { parseConntrackText, type ConntrackTable } from "../ingest/index.js";
import { conntrackFacts, survivalFacts } from "./conntrack-facts.js";

const PROFILE = settled(ciliumProfile("1.17.6"));
const NOW = 5000;

interface Line {
  readonly from: string;
  readonly to: string;
  readonly leftS: number;
  readonly flags?: string;
  readonly rx?: string;
  readonly tx?: string;
  readonly lastRx?: number;
  readonly lastTx?: number;
  readonly protocol?: string;
}

/** A dump with its clock (`ct list -d`). */
function table(lines: readonly Line[], now = NOW): ConntrackTable {
  const text = lines.map(({ from, to, leftS, flags = "SeenNonSyn", rx = "0x1b", tx = "0x1b", lastRx = now, lastTx = now, protocol = "TCP" }) => {
    const bits = (flags.includes("RxClosing") ? 1 : 0) | (flags.includes("TxClosing") ? 2 : 0) | (flags.includes("SeenNonSyn") ? 16 : 0);
    return (
      `${protocol} OUT ${from} -> ${to} expires=${now + leftS} (remaining: ${leftS} sec(s)) Packets=0 Bytes=0 RxFlagsSeen=${rx} LastRxReport=${lastRx} ` +
      `TxFlagsSeen=${tx} LastTxReport=${lastTx} Flags=0x${bits.toString(16).padStart(4, "0")} [ ${flags} ] RevNAT=0 SourceSecurityID=256 BackendID=0`
    );
  });
  return parseConntrackText(text).table;
}

const many = (count: number, line: (i: number) => Line): Line[] => Array.from({ length: count }, (_, i) => line(i));
const closed = (i: number, leftS: number): Line => ({ from: `10.0.0.1:${20_000 + i}`, to: "10.0.1.1:80", leftS, flags: "RxClosing TxClosing SeenNonSyn" });

describe("how long a map remembers", () => {
  it("is what the oldest closed connection says", () => {
    const { shortLived } = conntrackFacts(table(many(100, (i) => closed(i, 10 - (i % 3)))), PROFILE);
    expect(shortLived).toMatchObject([{ map: "ct4_global", entries: 100, lifetimeS: 10, horizonS: 2, expiredShare: 0 }]);
  });

  it("is its whole lifetime when some are past it", () => {
    const { shortLived } = conntrackFacts(table(many(100, (i) => closed(i, (i % 13) - 3))), PROFILE);
    expect(shortLived).toMatchObject([{ horizonS: 10 }]);
    expect(shortLived[0]!.expiredShare).toBeGreaterThan(0.1);
  });

  it("is not asked of a few, nor of closing ones that keep the lifetime of open ones", () => {
    expect(conntrackFacts(table(many(20, (i) => closed(i, 9))), PROFILE).shortLived).toEqual([]);
    expect(conntrackFacts(table(many(100, (i) => closed(i, 7990))), PROFILE).shortLived).toEqual([]);
  });
});

describe("entries made in mid-stream", () => {
  it("show one side without its SYN; who has not been answered shows nothing", () => {
    const lines: Line[] = [
      { from: "10.0.0.1:1000", to: "10.0.1.1:80", leftS: 8000 },
      { from: "10.0.0.1:1001", to: "10.0.1.1:80", leftS: 8000, rx: "0x11", tx: "0x12" },
      { from: "10.0.0.1:1002", to: "10.0.1.1:80", leftS: 60, rx: "0x00", tx: "0x02", flags: "" },
      { from: "10.0.0.1:1003", to: "10.0.1.1:53", leftS: 60, rx: "0x00", tx: "0x00", protocol: "UDP" },
    ];
    const { midStream, synOnly } = conntrackFacts(table(lines), PROFILE);
    expect(midStream).toEqual({ entries: 1, of: 2 });
    expect(synOnly).toEqual({ entries: 1, addresses: 1, of: 3 });
  });
});

describe("a destination that does not answer", () => {
  it("stands beside all others", () => {
    const asks = (to: string, answered: boolean) => (i: number): Line => ({
      from: `10.0.0.1:${30_000 + i}`, to, leftS: 50, protocol: "UDP", flags: "", rx: "0x00", tx: "0x00", lastTx: NOW - 10, lastRx: answered ? NOW - 10 : 0,
    });
    const lines = [...many(30, asks("10.0.1.1:53", true)), ...many(30, asks("10.0.1.2:53", false))];
    expect(conntrackFacts(table(lines), PROFILE).silent).toEqual({ destination: "10.0.1.2", asked: 30, unanswered: 30, othersAsked: 30, othersUnanswered: 0 });
  });

  it("may still answer what was asked just now", () => {
    const lines = many(30, (i) => ({ from: `10.0.0.1:${30_000 + i}`, to: "10.0.1.1:53", leftS: 60, protocol: "UDP", lastTx: NOW, lastRx: 0 }));
    expect(conntrackFacts(table(lines), PROFILE).silent).toBeNull();
  });
});

describe("two dumps", () => {
  const open = (i: number): Line => ({ from: `10.0.0.1:${i}`, to: "10.0.1.1:80", leftS: 8000 });
  const datagram = (i: number, leftS: number): Line => ({ from: `10.0.0.1:${i}`, to: "10.0.1.1:53", leftS, protocol: "UDP" });

  it("show what is gone although it had time left", () => {
    const earlier = table([open(1), open(2), datagram(3, 30), datagram(4, 2)]);
    const later = table([open(2), open(9)], NOW + 5);
    // Number 4 might have expired; 1 and 3 had time left.
    expect(survivalFacts(earlier, later)).toEqual({ apartS: 5, due: 3, missing: 2 });
  });

  it("ask nothing of open connections when they are too far apart", () => {
    expect(survivalFacts(table([open(1), datagram(3, 50)]), table([], NOW + 20))).toBeNull();
    expect(survivalFacts(table([open(1), datagram(3, 50)]), table([open(7)], NOW + 20))).toEqual({ apartS: 20, due: 1, missing: 1 });
  });

  it("take a connection that one side has closed for an open one: the other side may have closed it since", () => {
    const half = (port: number): Line => ({ ...closed(port, 7990), flags: "TxClosing SeenNonSyn" });
    expect(survivalFacts(table([half(1), datagram(3, 50)]), table([], NOW + 20))).toBeNull();
    expect(survivalFacts(table([half(1), datagram(3, 50)]), table([open(7)], NOW + 20))).toEqual({ apartS: 20, due: 1, missing: 1 });
  });

  it("need an order", () => {
    expect(survivalFacts(table([open(1)]), table([open(1)]))).toBeNull();
  });
});
