import { describe, expect, it } from "vitest";
import { Diagnostics } from "./diagnostics.js";
import { SourceText } from "./source.js";
import { mergeTrees, plain, placeOf, treeAt, type Tree } from "./tree.js";
import { ALIASED_VALUES_MAX, NESTING_MAX, parseYaml, type YamlOptions } from "./yaml.js";

function parse(text: string, options?: YamlOptions): { trees: readonly Tree[] | undefined; problems: string[] } {
  const found = new Diagnostics();
  const trees = parseYaml(new SourceText("f.yaml", text), found, options);
  return { trees, problems: found.sorted().map(({ line, column, message }) => `${line}:${column} ${message}`) };
}

function value(text: string, options?: YamlOptions): unknown {
  const { trees, problems } = parse(text, options);
  expect(problems).toEqual([]);
  return plain(trees![0]!);
}

describe("values", () => {
  it("are those of YAML 1.2", () => {
    expect(value("a: 1\nb: 1.5\nc: yes\nd: true\ne: ~\nf: '1'\ng: [x, { y: 2 }]\nh: |\n  two\n  lines\n")).toEqual({
      a: 1,
      b: 1.5,
      c: "yes",
      d: true,
      e: null,
      f: "1",
      g: ["x", { y: 2 }],
      h: "two\nlines\n",
    });
  });

  it("with Helm's truth values when asked", () => {
    expect(value("a: yes\nb: 'yes'\nc: off\nd: n", { helm: true })).toEqual({ a: true, b: "yes", c: false, d: false });
  });

  it("with Helm's numbers when asked", () => {
    const text = "a: 0x80000\nb: 0600\nc: 0o17\nd: 0b101\ne: 1_000_000\nf: 524288.0\ng: -12\nh: +7\ni: 2.5e-03\nj: '0x10'\nk: 0\nl: .5";
    const numbers = { a: 524_288, b: 384, c: 15, d: 5, e: 1_000_000, f: 524_288, g: -12, h: 7, i: 0.0025, j: "0x10", k: 0, l: 0.5 };
    expect(value(text, { helm: true })).toEqual(numbers);
    expect(value("a: 5e5\nb: 0x\nc: 089\nd: v1.2\ne: 1.2.3\nf: _\ng: ~\nh: !!str 12", { helm: true })).toEqual({
      ...{ a: "5e5", b: "0x", c: 89, d: "v1.2", e: "1.2.3", f: "_", g: null, h: "12" },
    });
  });

  it("follow aliases and merge keys", () => {
    expect(value("a: &x { b: 1, c: 2 }\nd: *x\ne: { <<: *x, c: 3 }\nf: { <<: [*x, { g: 4 }] }")).toEqual({
      a: { b: 1, c: 2 },
      d: { b: 1, c: 2 },
      e: { b: 1, c: 3 },
      f: { b: 1, c: 2, g: 4 },
    });
  });

  it("an anchor that is given again means its later node", () => {
    expect(value("a: &x 1\nb: *x\nc: &x 2\nd: *x")).toEqual({ a: 1, b: 1, c: 2, d: 2 });
  });

  it("a key __proto__ is only a key", () => {
    const data = value("__proto__: { polluted: true }") as object;
    expect(Object.keys(data)).toEqual(["__proto__"]);
    expect("polluted" in {}).toBe(false);
    expect("polluted" in data).toBe(false);
  });

  it("keep their text and their place", () => {
    const { trees } = parse("profile:\n  kernel: 5.10\n");
    expect(treeAt(trees![0]!, ["profile", "kernel"])).toMatchObject({ value: 5.1, text: "5.10", at: { start: 19, end: 23 } });
    expect(plain(trees![0]!, (path) => path.at(-1) === "kernel")).toEqual({ profile: { kernel: "5.10" } });
    expect(placeOf(trees![0]!, ["profile", "cilium"]).start).toBe(0);
  });

  it("an empty text has no document", () => {
    expect(parse("").trees).toEqual([]);
    expect(parse("# nothing\n").trees).toEqual([]);
  });
});

describe("mistakes", () => {
  it.each([
    ["a: [1, 2\nb: 3\n", /^2:.*flow sequence/],
    ['a: 1\nb: "x\nc: 2\n', /^2:4 this is no YAML: the quotes that open here are never closed/],
    ["a:\n\t- b\n", /^2:1 .*tabs/i],
    ["a: 1\na: 2\n", /^2:1 the key "a" stands twice in this mapping; it is already in line 1/],
    ["a: *x\n", /^1:4 .*alias/i],
    ["a: &x [*x]\n", /inside its own anchor/],
    ["? [1]\n: 2\n", /a key is a mapping or a list/],
    ["a: { <<: 5 }\n", /a merge key takes a mapping/],
  ])("%j", (text, message) => {
    const { trees, problems } = parse(text);
    expect(trees).toBeUndefined();
    expect(problems.join("\n")).toMatch(message);
  });

  it("several at once", () => {
    expect(parse("a: 1\na: 2\nb: 1\nb: 2\n").problems).toHaveLength(2);
  });
});

describe("bounds", () => {
  it.each(["[", "{a: ", "- ", "? ", ": "])("nesting of %j ends early and with a place", (opener) => {
    const { problems } = parse(opener.repeat(200_000));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/nested too deeply/);
  });

  it("real nesting is fine", () => {
    const depth = NESTING_MAX - 4;
    expect(parse("[".repeat(depth) + "]".repeat(depth)).problems).toEqual([]);
  });

  it.each(["[x,x,x,x,x,x,x,x,x,x]", "[]", "{}"])("an alias bomb of %s is refused at once", (leaf) => {
    const lines = [`l0: &l0 ${leaf}`];
    for (let level = 1; level < 30; level++)
      lines.push(
        `l${level}: &l${level} [${Array(10)
          .fill(`*l${level - 1}`)
          .join(",")}]`,
      );
    const { trees, problems } = parse(lines.join("\n"));
    expect(trees).toBeUndefined();
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/aliases repeat/);
  });

  it("many harmless aliases are fine, and fast", () => {
    const count = ALIASED_VALUES_MAX - 1;
    const { problems } = parse(`a: &a 1\nb: [${Array(count).fill("*a").join(",")}]`);
    expect(problems).toEqual([]);
  });

  it("many keys in one mapping don't take the square of their number", () => {
    expect(parse(Array.from({ length: 30_000 }, (_, index) => `k${index}: 1`).join("\n")).problems).toEqual([]);
  }, 10_000);
});

describe("merging", () => {
  const merge = (base: string, over: string): unknown => plain(mergeTrees(parse(base).trees![0]!, parse(over).trees![0]!));

  it("merges mappings, replaces everything else, and null takes away", () => {
    expect(merge("a: { b: 1, c: 2 }\nd: [1, 2]\ne: 5\nf: 6", "a: { c: 3 }\nd: [9]\ne: ~\ng: 7")).toEqual({
      a: { b: 1, c: 3 },
      d: [9],
      f: 6,
      g: 7,
    });
    expect(merge("a: { b: 1 }", "a: 5")).toEqual({ a: 5 });
    expect(merge("a: 5", "a: { b: 1 }")).toEqual({ a: { b: 1 } });
  });
});
