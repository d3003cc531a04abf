import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import type { Dump } from "./dump.js";
import { kindOf } from "./kind-of.js";
import { readDump } from "./read-dump.js";

const folder = mkdtempSync(join(tmpdir(), "ctlab-dumps-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const CT =
  "TCP OUT 10.0.1.17:41822 -> 10.0.2.9:80 expires=90412 Packets=0 Bytes=0 RxFlagsSeen=0x1a LastRxReport=82412 TxFlagsSeen=0x1b " +
  "LastTxReport=82411 Flags=0x0010 [ SeenNonSyn ] RevNAT=3 SourceSecurityID=20114 BackendID=0 ";
const NAT = "TCP IN 203.0.113.5:443 -> 192.0.2.10:41900 XLATE_DST 10.0.1.17:41900 Created=12sec ago NeedsCT=0";
const CT_RECORDS = [
  {
    Key: { DestAddr: [10, 0, 1, 17], SourceAddr: [10, 0, 2, 9], DestPort: 20480, SourcePort: 24227, NextHeader: 6, Flags: 0 },
    Value: {
      Union0: [0, 0], Packets: 0, Bytes: 0, Lifetime: 90412, Flags: 16, RevNAT: 768, TxFlagsSeen: 27, RxFlagsSeen: 26,
      SourceSecurityID: 20114, LastTxReport: 82411, LastRxReport: 82412,
    },
  },
  {
    Key: { DestAddr: [10, 96, 0, 10], SourceAddr: [10, 0, 1, 17], DestPort: 24227, SourcePort: 13568, NextHeader: 17, Flags: 4 },
    Value: { Union0: [0, 7], Lifetime: 1, Flags: 0, RevNAT: 0, TxFlagsSeen: 0, RxFlagsSeen: 0, SourceSecurityID: 0, LastTxReport: 0, LastRxReport: 0 },
  },
];
const NAT_RECORD = {
  Key: { DestAddr: [192, 0, 2, 10], SourceAddr: [203, 0, 113, 5], DestPort: 44195, SourcePort: 47873, NextHeader: 6, Flags: 1 },
  Value: { Created: 1, NeedsCT: 1, Pad1: 0, Pad2: 0, Addr: [10, 0, 1, 17], Port: 44195 },
};

describe("the kind of a file", () => {
  it.each([
    ["conntrack", CT],
    ["conntrack", `Defaulted container "cilium-agent" out of: cilium-agent, config (init)\n\nTCP SVC [fd00::1]:1 -> [fd00::2]:2 expires=3 `],
    ["conntrack", JSON.stringify(CT_RECORDS, null, 2)],
    ["conntrack", `Defaulted container "cilium-agent" out of: cilium-agent\n${JSON.stringify(CT_RECORDS)}`],
    ["nat", NAT],
    ["nat", JSON.stringify([NAT_RECORD])],
    ["nat-retries", "0:\t900\n1:\t12\n"],
    ["nat-retries", '[\n  {\n    "Key": {\n      "Key": 0\n    },\n    "Value": {\n      "Value": 900\n    }\n  }\n]'],
    ["status", "KVStore:                Ok   Disabled\nKubernetes:             Ok   1.28\nCilium:                 Ok   1.14.5"],
    ["status", '{\n  "bpf-maps": {\n    "maps": []\n  }\n}'],
    ["metrics", "# HELP a b\n# TYPE a gauge\na 1\n"],
    ["metrics", 'cilium_drop_count_total{reason="x y"} 3'],
    ["metrics", "Metric                      Labels                 Value\ncilium_bpf_map_pressure     map_name=ct4_global    0.41\n"],
    ["metrics", '[{"name":"cilium_bpf_map_pressure","labels":{"map_name":"ct4_global"},"value":0.4}]'],
    ["metrics", '{"status":"success","data":{"resultType":"vector","result":[]}}'],
    ["flows", '{"flow":{"time":"2026-01-01T00:00:00Z","verdict":"DROPPED"},"node_name":"n","time":"2026-01-01T00:00:00Z"}\n'],
    ["flows", '{"time":"2026-01-01T00:00:00Z","verdict":"DROPPED","IP":{"source":"10.0.0.1"}}\n'],
    ["helm-values", "# ours\nbpf:\n  ctTcpMax: 1048576\nkubeProxyReplacement: true\n"],
    ["helm-values", "operator:\n  replicas: 1\nmtu: 1500\npriority: 2\n"],
    [undefined, "Lorem ipsum dolor\nsit amet"],
    [undefined, ""],
  ])("%s", (kind, text) => {
    expect(kindOf(text)).toBe(kind);
  });
});

describe("a file", () => {
  it("is read whatever form it is in", async () => {
    const text = await readDump(file("a", `${CT}\r\n\r\n`));
    const gzip = await readDump(file("b", gzipSync(`${CT}\n\n`)));
    expect(gzip).toEqual({ ...text, path: join(folder, "b") });
    const pretty = (await readDump(file("c", JSON.stringify(CT_RECORDS, null, 2)))) as Extract<Dump, { kind: "conntrack" }>;
    const compact = (await readDump(file("d", JSON.stringify(CT_RECORDS)))) as Extract<Dump, { kind: "conntrack" }>;
    expect(compact.table).toEqual(pretty.table);
    const { table } = pretty;
    const columns = ["protocol", "sourcePort", "destinationPort", "expires", "entryFlags", "revNat", "identity", "rxFlags", "txFlags", "lastRx", "lastTx"] as const;
    const asText = (text as Extract<Dump, { kind: "conntrack" }>).table;
    for (const column of columns) expect([column, table[column][0]]).toEqual([column, asText[column][0]]);
    expect(table.addresses.text(table.source[0]!)).toBe("10.0.1.17");
    // The service's entry leads from the client to it, and names its backend.
    expect([table.addresses.text(table.destination[1]!), table.destinationPort[1], table.sourcePort[1], table.backend[1]]).toEqual(["10.96.0.10", 53, 41822, 7]);
  });

  it("of NAT as JSON is what the text is, but for ages", async () => {
    const json = (await readDump(file("nat.json", JSON.stringify([NAT_RECORD])))) as Extract<Dump, { kind: "nat" }>;
    const text = (await readDump(file("nat.txt", NAT))) as Extract<Dump, { kind: "nat" }>;
    for (const column of ["protocol", "tupleFlags", "sourcePort", "destinationPort", "toPort"] as const) expect(json.table[column]).toEqual(text.table[column]);
    expect(json.table.addresses.text(json.table.toAddress[0]!)).toBe("10.0.1.17");
    expect([...json.table.age]).toEqual([Number.NaN]);
  });

  it("of JSON that is cut off or damaged gives the records before and after", async () => {
    const whole = JSON.stringify([CT_RECORDS[0], { Key: 1 }, CT_RECORDS[1]], null, 2);
    const dump = (await readDump(file("cut", whole.slice(0, -20)))) as Extract<Dump, { kind: "conntrack" }>;
    expect(dump.table.size).toBe(1);
    expect(dump.skipped.first.map(({ reason }) => reason)).toEqual(["has no Key and Value", "is cut off"]);
    expect(whole.split("\n")[dump.skipped.first[1]!.line - 1]!.trim()).toBe("{");
  });

  it("of Prometheus' query API is series with times", async () => {
    const result = [{ metric: { __name__: "cilium_bpf_map_pressure", map_name: "ct4_global" }, values: [[1735689600, "0.5"], [1735689615, "+Inf"]] }];
    expect(await readDump(file("api", JSON.stringify({ status: "success", data: { resultType: "matrix", result } })))).toMatchObject({
      kind: "metrics", form: "prometheus",
      series: [{ name: "cilium_bpf_map_pressure", labels: { map_name: "ct4_global" }, values: [0.5, Infinity], times: [1735689600, 1735689615] }],
    });
  });

  it("of flows or values is left to their readers", async () => {
    expect(await readDump(file("values.yaml", "bpf:\n  ctTcpMax: 1\n"))).toEqual({ path: join(folder, "values.yaml"), kind: "helm-values" });
  });

  it("of an empty map is told by its name", async () => {
    expect(await readDump(file("cilium-bpf-ct-list-global.md", "\n\n"))).toMatchObject({ kind: "conntrack", table: { size: 0 } });
    expect(await readDump(file("bpf-nat.txt", "\n"))).toMatchObject({ kind: "nat", table: { size: 0 } });
    await expect(readDump(file("x.txt", "\n"))).rejects.toThrow(/x\.txt: is empty, and its name tells none/);
  });

  it("of another kind than wanted is refused with what it seems to be", async () => {
    await expect(readDump(file("ct.txt", CT), { kind: "nat" })).rejects.toThrow(/this is not cilium bpf nat list; it looks like cilium bpf ct list global/);
    await expect(readDump(file("text", "Lorem ipsum"))).rejects.toThrow(/is none of these kinds: cilium bpf ct list/);
    await expect(readDump(join(folder, "absent"))).rejects.toThrow(/absent: no such file/);
    await expect(readDump(folder)).rejects.toThrow(/is a folder/);
    await expect(readDump(file("broken.gz", gzipSync(`${CT}\n`.repeat(100)).subarray(0, 60)))).rejects.toThrow(/broken\.gz: /);
  });
});
