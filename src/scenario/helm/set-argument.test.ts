import { describe, expect, it } from "vitest";
import { Diagnostics } from "../diagnostics.js";
import { SourceText } from "../source.js";
import { plain, treeAt } from "../tree.js";
import { parseYaml } from "../yaml.js";
import { readSetArguments } from "./set-argument.js";

function read(texts: readonly string[], base = "{}"): { readonly values: unknown; readonly problems: readonly string[] } {
  const found = new Diagnostics();
  const tree = parseYaml(new SourceText("values.yaml", base), found)![0]!;
  const values = plain(readSetArguments("--set", texts, tree, found));
  return { values, problems: found.sorted().map(({ column, message }) => `${column}: ${message}`) };
}

describe("--set", () => {
  // From Helm's documentation and its own tests of pkg/strvals.
  it.each<[string, unknown]>([
    ["name=value", { name: "value" }],
    ["a=b,c=d", { a: "b", c: "d" }],
    ["outer.inner=value", { outer: { inner: "value" } }],
    ["outer.inner=1,outer.other=2", { outer: { inner: 1, other: 2 } }],
    ["name={a,b,c}", { name: ["a", "b", "c"] }],
    ["name={},other=1", { name: [], other: 1 }],
    ["servers[0].port=80", { servers: [{ port: 80 }] }],
    ["list[2]=x", { list: [null, null, "x"] }],
    ["servers[0].port=80,servers[0].host=example", { servers: [{ port: 80, host: "example" }] }],
    ["name=value1\\,value2", { name: "value1,value2" }],
    ['nodeSelector."kubernetes\\.io/role"=master', { nodeSelector: { '"kubernetes.io/role"': "master" } }],
    ["extraConfig.bpf-ct-global-tcp-max=1024", { extraConfig: { "bpf-ct-global-tcp-max": 1024 } }],
    ["a=TRUE,b=false,c=null,d=0,e=-5", { a: true, b: false, c: null, d: 0, e: -5 }],
    ["leading=00009,ratio=0.005,empty=,last=x=y", { leading: "00009", ratio: "0.005", empty: "", last: "x=y" }],
    ["big=99999999999999999999", { big: "99999999999999999999" }],
  ])("%s", (text, expected) => {
    expect(read([text])).toEqual({ values: expected, problems: [] });
  });

  it("lays later arguments over earlier ones", () => {
    expect(read(["a.b=1,a.c=2", "a.b=3", "d.e=1", "d=5"]).values).toEqual({ a: { b: 3, c: 2 }, d: 5 });
  });

  it("puts items into the lists of the files", () => {
    expect(read(["extraArgs[1]=--b2"], "extraArgs: [--a, --b]").values).toEqual({ extraArgs: ["--a", "--b2"] });
  });

  it("knows where each value stands", () => {
    const tree = readSetArguments("--set", ["a=1,b.c=2"], { kind: "list", items: [], at: undefined as never }, new Diagnostics());
    const value = treeAt(tree, ["b", "c"])!;
    expect(value.at.source.position(value.at.start)).toEqual({ line: 1, column: 9 });
    expect(value.at.source.name).toBe("--set");
  });

  it.each([
    ["", "1: this sets nothing"],
    ["name", '1: "name" has no value'],
    ["a=1,b.c", '5: "b.c" has no value'],
    ["a=1,b", '5: "b" has no value'],
    ["=5", "1: a name is missing"],
    ["a..b=5", "3: a name is missing"],
    ["a[x]=5", "2: an index of a list is missing"],
    ["a={b,c", "3: this list has no end"],
    ["a={b}c,d=1", "6: nothing can stand behind a list but a comma"],
    [`${"a.".repeat(40)}a=1`, "61: names are nested more than 30 deep"],
  ])("%j is refused", (text, problem) => {
    expect(read([text]).problems).toEqual([problem]);
  });
});
