import { describe, expect, it } from "vitest";
import { summarizeConntrack } from "./conntrack-summary.js";
import { directionOf, isExpired, stateOf } from "./conntrack-table.js";
import { parseConntrackText } from "./conntrack-text.js";

/** One line in the layout of each release, and what is in it. */
const LAYOUTS = {
  "1.14":
    "TCP OUT 10.72.3.2:58842 -> 10.64.0.64:8000 expires=16899626 RxPackets=4 RxBytes=393 RxFlagsSeen=0x1b LastRxReport=16899587 " +
    "TxPackets=6 TxBytes=478 TxFlagsSeen=0x1b LastTxReport=16899580 Flags=0x0033 [ RxClosing TxClosing SeenNonSyn NodePort ] RevNAT=27 SourceSecurityID=1 IfIndex=3 ",
  "1.16":
    "TCP OUT 10.72.3.2:58842 -> 10.64.0.64:8000 expires=16899626 Packets=10 Bytes=871 RxFlagsSeen=0x1b LastRxReport=16899587 " +
    "TxFlagsSeen=0x1b LastTxReport=16899580 Flags=0x0033 [ RxClosing TxClosing SeenNonSyn NodePort ] RevNAT=27 SourceSecurityID=1 BackendID=0 ",
  "1.19":
    "TCP OUT 10.72.3.2:58842 -> 10.64.0.64:8000 expires=16899626 Packets=10 Bytes=871 RxFlagsSeen=0x1b LastRxReport=16899587 TxFlagsSeen=0x1b " +
    "LastTxReport=16899580 Flags=0x0033 [ RxClosing TxClosing SeenNonSyn NodePort ] RevNAT=27 SourceSecurityID=1 BackendID=360309599644942336 NatPort=30587 ",
};
const SERVICES = {
  "1.14":
    "TCP OUT 10.96.43.209:80 -> 10.0.1.90:59668 service expires=475561 RxPackets=0 RxBytes=7 RxFlagsSeen=0x00 LastRxReport=0 TxPackets=0 TxBytes=0 " +
    "TxFlagsSeen=0x12 LastTxReport=453961 Flags=0x0010 [ SeenNonSyn ] RevNAT=5 SourceSecurityID=0 IfIndex=0 ",
  "1.15":
    "TCP SVC 10.0.1.90:59668 -> 10.96.43.209:80 expires=475561 RxPackets=0 RxBytes=7 RxFlagsSeen=0x00 LastRxReport=0 TxPackets=0 TxBytes=0 " +
    "TxFlagsSeen=0x12 LastTxReport=453961 Flags=0x0010 [ SeenNonSyn ] RevNAT=5 SourceSecurityID=0 IfIndex=0 ",
  "1.17":
    "TCP SVC 10.0.1.90:59668 -> 10.96.43.209:80 expires=475561 Packets=0 Bytes=0 RxFlagsSeen=0x00 LastRxReport=0 TxFlagsSeen=0x12 " +
    "LastTxReport=453961 Flags=0x0010 [ SeenNonSyn ] RevNAT=5 SourceSecurityID=0 BackendID=7 ",
};
/** `expires=9 … SourceSecurityID=0` around flags, in short lines. */
const line = (tuple: string, flags = "0x0010", more = ""): string =>
  `${tuple} expires=100 Packets=0 Bytes=0 RxFlagsSeen=0x00 LastRxReport=0 TxFlagsSeen=0x00 LastTxReport=0 Flags=${flags} [ ] RevNAT=0 SourceSecurityID=7 ${more}`;

function only(text: string): Readonly<Record<string, string | number>> {
  const { table, skipped } = parseConntrackText([text]);
  expect(skipped.count).toBe(0);
  expect(table.size).toBe(1);
  return {
    protocol: table.protocol[0]!,
    source: `${table.addresses.text(table.source[0]!)} ${table.sourcePort[0]}`,
    destination: `${table.addresses.text(table.destination[0]!)} ${table.destinationPort[0]}`,
    direction: directionOf(table, 0),
    state: stateOf(table, 0),
    expires: table.expires[0]!,
    flags: table.entryFlags[0]!,
    revNat: table.revNat[0]!,
    identity: table.identity[0]!,
    backend: table.backend[0]!,
    packets: table.packets[0]!,
    seen: `${table.rxFlags[0]} ${table.txFlags[0]}`,
    reports: `${table.lastRx[0]} ${table.lastTx[0]}`,
  };
}

describe("an entry", () => {
  it.each(Object.entries(LAYOUTS))("as %s prints it", (_release, text) => {
    expect(only(text)).toEqual({
      protocol: 6, source: "10.72.3.2 58842", destination: "10.64.0.64 8000", direction: "out", state: "closing", expires: 16899626, flags: 0x33,
      revNat: 27, identity: 1, backend: 0, packets: 10, seen: "27 27", reports: "16899587 16899580",
    });
  });

  it.each(Object.entries(SERVICES))("of a service, as %s prints it, leads from the client to the frontend and has its backend", (_release, text) => {
    expect(only(text)).toMatchObject({
      source: "10.0.1.90 59668", destination: "10.96.43.209 80", direction: "service", state: "established", revNat: 5, backend: 7,
    });
  });

  it("of IPv6, without brackets and with them", () => {
    const wanted = { source: "2603:8080::304f 44564", destination: "fd85::24 80", direction: "in" };
    expect(only(line("TCP IN 2603:8080::304f:44564 -> fd85::24:80"))).toMatchObject(wanted);
    expect(only(line("TCP IN [2603:8080::304f]:44564 -> [fd85::24]:80"))).toMatchObject(wanted);
  });

  it("of other protocols, related ones, and with fields that nobody knows", () => {
    expect(only(line("ICMP OUT 10.0.0.1:0 -> 10.0.0.2:8 related", "0x0000"))).toMatchObject({ protocol: 1, direction: "related", state: "stateless" });
    expect(only(line("47 OUT 10.0.0.1:0 -> 10.0.0.2:0", "0x0000", "Slave=0 Novelty=some:thing "))).toMatchObject({ protocol: 47, identity: 7 });
    expect(only(line("TCP OUT 10.0.0.1:1 -> 10.0.0.2:2", "0x0000"))).toMatchObject({ state: "syn-only" });
  });
});

describe("the clock of a dump", () => {
  it("is told with every entry by `ct list -d`", () => {
    const { table } = parseConntrackText([
      line("TCP OUT 10.0.0.1:1 -> 10.0.0.2:2").replace("expires=100", "expires=100 (remaining: -20 sec(s))"),
      line("TCP OUT 10.0.0.1:3 -> 10.0.0.2:2").replace("expires=100", "expires=130 (remaining: 10 sec(s))"),
    ]);
    expect(table.clock).toEqual({ now: 120, source: "remaining" });
    expect([isExpired(table, 0), isExpired(table, 1)]).toEqual([true, false]);
  });

  it("is the latest report of an event otherwise, and unknown without any", () => {
    expect(parseConntrackText([LAYOUTS["1.16"], SERVICES["1.17"]]).table.clock).toEqual({ now: 16899587, source: "last-report" });
    expect(parseConntrackText([line("TCP OUT 10.0.0.1:1 -> 10.0.0.2:2")]).table.clock).toBeUndefined();
  });
});

describe("lines that are no entries", () => {
  it.each([
    ['Defaulted container "cilium-agent" out of: cilium-agent, config (init)', "is no entry"],
    ["TCP OUT 10.0.0.1:1 -> 10.0.0.2:2 ", "has no expires="],
    ["XYZ OUT 10.0.0.1:1 -> 10.0.0.2:2 expires=1", 'names an unknown protocol "XYZ"'],
    ["TCP UP 10.0.0.1:1 -> 10.0.0.2:2 expires=1", "has none of IN, OUT and SVC after TCP"],
    ["TCP OUT 10.0.0.256:1 -> 10.0.0.2:2 expires=1", 'has no source address and port: "10.0.0.256:1"'],
    ["TCP OUT 10.0.0.1:1 -> 10.0.0.2:65536 expires=1", 'has no destination address and port: "10.0.0.2:65536"'],
    ["TCP OUT 10.0.0.1 -> 10.0.0.2:2 expires=1", 'has no source address and port: "10.0.0.1"'],
    [line("TCP OUT 10.0.0.1:1 -> 10.0.0.2:2").replace("expires=100", "expires=1x0"), "has a value that is no number"],
  ])("are skipped with a reason: %s", (text, reason) => {
    const { table, skipped } = parseConntrackText(["", LAYOUTS["1.16"], text, LAYOUTS["1.14"]]);
    expect(table.size).toBe(2);
    expect(skipped).toEqual({ count: 1, first: [{ line: 3, reason }] });
  });

  it("include a line that was cut anywhere before its last field", () => {
    const whole = LAYOUTS["1.16"];
    const last = whole.indexOf(" SourceSecurityID=");
    for (let length = 1; length <= last; length++) {
      const { table, skipped } = parseConntrackText([whole.slice(0, length)]);
      expect([length, table.size, skipped.count]).toEqual([length, 0, 1]);
    }
  });

  it("are counted all and kept in part", () => {
    const { skipped } = parseConntrackText(Array.from({ length: 50 }, () => "nonsense"));
    expect(skipped.count).toBe(50);
    expect(skipped.first).toHaveLength(20);
  });
});

it("a connection that one side has closed is open still, as the datapath has it", () => {
  const { table } = parseConntrackText(["0x0011", "0x0012", "0x0013"].map((flags, i) => line(`TCP OUT 10.0.0.1:${i + 1} -> 10.0.0.9:443`, flags)));
  expect([0, 1, 2].map((i) => stateOf(table, i))).toEqual(["established", "established", "closing"]);
});

describe("the summary", () => {
  const { table } = parseConntrackText([
    line("TCP OUT 10.0.0.1:1 -> 10.0.0.9:443"),
    line("TCP OUT 10.0.0.1:2 -> 10.0.0.9:443", "0x0000"),
    line("TCP IN 10.0.0.2:2 -> 10.0.0.9:443", "0x0013"),
    line("UDP SVC 10.0.0.1:5 -> 10.96.0.10:53", "0x0000"),
    line("UDP OUT fd00::1:5 -> fd00::2:53", "0x0000").replace("LastTxReport=0", "LastTxReport=200"),
  ]);
  const summary = summarizeConntrack(table, 2);

  it("counts by map and class, with what is past its time", () => {
    expect(summary.maps).toEqual([
      { map: "ct4_global", entries: 3, expired: 3, idle: undefined },
      { map: "ct_any4_global", entries: 1, expired: 1, idle: undefined },
      { map: "ct_any6_global", entries: 1, expired: 1, idle: undefined },
    ]);
    expect(summary.classes.map(({ map, protocol, direction, state, entries }) => [map, protocol, direction, state, entries])).toEqual(
      expect.arrayContaining([
        ["ct4_global", "TCP", "out", "established", 1],
        ["ct4_global", "TCP", "out", "syn-only", 1],
        ["ct4_global", "TCP", "in", "closing", 1],
        ["ct_any4_global", "UDP", "service", "stateless", 1],
        ["ct_any6_global", "UDP", "out", "stateless", 1],
      ]),
    );
    expect(summary.classes).toHaveLength(5);
  });

  it("tells how long connections have been silent, and which backends a service's clients hold to", () => {
    const at = (port: number, last: number, backend: number): string =>
      line(`TCP SVC 10.0.0.1:${port} -> 10.96.0.1:80`, "0x0010", `BackendID=${backend} `).replace("LastTxReport=0", `LastTxReport=${last}`).replace("expires=100", "expires=900");
    const { maps, services } = summarizeConntrack(parseConntrackText([at(1, 500, 7), at(2, 400, 7), at(3, 470, 9), at(4, 0, 0)]).table);
    expect(maps).toEqual([{ map: "ct4_global", entries: 4, expired: 0, idle: { median: 30, p99: 100, longest: 100 } }]);
    expect(services).toMatchObject([{ entries: 4, backends: [{ backend: 7, entries: 2 }, { backend: 9, entries: 1 }] }]);
  });

  it("names those who have most", () => {
    expect(summary.clients).toEqual([{ address: "10.0.0.1", entries: 2 }, { address: "10.0.0.2", entries: 1 }]);
    expect(summary.services).toEqual([{ protocol: "UDP", address: "10.96.0.10", port: 53, entries: 1, backends: [] }]);
    expect(summary.destinations[0]).toEqual({ protocol: "TCP", address: "10.0.0.9", port: 443, entries: 3 });
  });
});
