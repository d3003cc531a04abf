/** A text without its comment lines means the same, at the same places: by the parser's own account of both. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isAlias, isMap, isScalar, isSeq, parseAllDocuments, type Document } from "yaml";
import { withoutCommentLines } from "./comment-lines.js";

const RUNS = 1500;

/** Every node's value and stretch, in order; undefined when the parser has a word to say about the text. */
function nodesOf(text: string, original: (offset: number) => number): readonly unknown[] | undefined {
  const parsed = parseAllDocuments(text, { prettyErrors: false, uniqueKeys: false, logLevel: "silent" });
  const documents: readonly Document[] = Array.isArray(parsed) ? parsed : [];
  if (documents.some(({ errors, warnings }) => errors.length > 0 || warnings.length > 0)) return undefined;
  const nodes: unknown[] = [];
  const visit = (node: unknown): void => {
    const isSingle = isScalar(node) || isAlias(node);
    if (!isSingle && !isMap(node) && !isSeq(node)) return;
    const [start, end] = node.range!;
    const anchor = isAlias(node) ? `*${node.source}` : node.anchor;
    const { tag } = node;
    nodes.push({ start: original(start), anchor, tag, ...(isSingle && end > start ? { end: original(end - 1) + 1 } : {}) });
    if (isScalar(node)) nodes.push({ value: node.value, source: node.source, type: node.type });
    if (isMap(node)) for (const { key, value } of node.items) [key, value].forEach(visit);
    if (isSeq(node)) node.items.forEach(visit);
  };
  for (const { contents } of documents) if (contents !== null) visit(contents);
  return nodes;
}

function check(text: string): void {
  const short = withoutCommentLines(text);
  const origins = Array.from(short.text, (_, at) => short.original(at));
  expect(origins.every((origin, at) => at === 0 || origin > origins[at - 1]!)).toBe(true);
  expect(origins.map((origin) => text[origin]).join("")).toBe(short.text);
  const shortNodes = nodesOf(short.text, short.original);
  if (shortNodes !== undefined) expect(shortNodes).toEqual(nodesOf(text, (offset) => offset));
}

const indentArb = fc.constantFrom("", "", "", " ", "  ", "  ", "    ", "      ");
const lineEndArb = fc.constantFrom("\n", "\n", "\n", "\n", "\r\n");
const noiseArb = fc.constantFrom("", " ", "# c", "# c", "# - c: d", "#", '# "', "  # c", "      # c", " \t# c", "\t");
const pieceArb = fc.constantFrom(
  ...["a:", "b:", "c.d/e-f:", '"q":', "'q r':", "- a: 1", "- b:", "-", "- x", "- - y", "- - z: 1", "-  w", "a: 1 # c", "b: x y", "c: -5"],
  ...["d: ''", 'e: "# no"', "f: {}", "g: [ ]", "h: ~", "i: a#b", "j: |", "k: >-", "- |+", "l: |2", 'm: "x', 'y"', "n: 'x", "y'", "o: [", "]"],
  ...["p: {", "}", "r: 1 }", "x, y", "text", "text: # c", "&x", "s: &x", "s: &x 1", "t: *x", "<<: *x", "u: !!str", "---", "...", "--- # c", "? k", ": v"],
  ...["- ? a", "%YAML 1.2", "|", ">", "v: -", "w: - x", "z: a: b", "- # c", "é: 1", "key: \u2028 x", "- |", "k: \"a\\\"b\"", "k: 'a''b'"],
);
const lineArb = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(indentArb, pieceArb) },
  { weight: 2, arbitrary: fc.tuple(indentArb, noiseArb) },
);
const anyTextArb = fc
  .array(fc.tuple(lineArb, lineEndArb), { maxLength: 14 })
  .map((lines) => lines.map(([[indent, piece], end]) => indent + piece + end).join(""));

interface Node {
  readonly value: string | readonly (readonly [string, Node])[] | readonly Node[];
}
const valueArb = fc.constantFrom("1", "x y", "''", '"# no"', "{}", "[]", "", "~", "|\n@# text\n@\n@more", ">-\n@x\n@# y", '"x\n@# y\n@z"', "plain\n@goes on", "[1,\n@# c\n@2]");
const { tree } = fc.letrec<{ tree: Node; leaf: Node }>((tie) => ({
  leaf: valueArb.map((value) => ({ value })),
  tree: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    tie("leaf"),
    fc.array(fc.tuple(fc.constantFrom("a", "b", "c.d", "'q r'"), tie("tree")), { minLength: 1, maxLength: 4 }).map((value) => ({ value })),
    fc.array(tie("tree"), { minLength: 1, maxLength: 3 }).map((value) => ({ value })),
  ),
}));

/** A tree as YAML, noise from a list between its lines. */
function written(node: Node, noise: readonly string[]): string {
  const lines: string[] = [];
  const put = (line: string): void => {
    lines.push(noise[lines.length % Math.max(1, noise.length)] ?? "", line);
  };
  const write = ({ value }: Node, head: string, deep: string): void => {
    if (typeof value === "string") return put(`${head} ${value.replaceAll("@", `${deep}  `)}`);
    if (head !== "") put(head);
    for (const item of value) {
      if (Array.isArray(item)) write(item[1] as Node, `${deep}${item[0] as string}:`, `${deep}  `);
      else write(item as Node, `${deep}-`, `${deep}  `);
    }
  };
  write(node, "", "");
  return lines.map((line) => (line === "" ? "" : `${line}\n`)).join("");
}
const goodTextArb = fc
  .tuple(tree, fc.array(fc.constantFrom("", "", "\n", "# c", "  # c", "    # c\n# d", "# c\n\n# d\n"), { minLength: 1, maxLength: 6 }))
  .map(([node, noise]) => written(node, noise));

describe("a text without its comment lines", () => {
  it("means the same: any lines", () => {
    fc.assert(fc.property(anyTextArb, check), { numRuns: RUNS });
  });

  it("means the same: commented trees", () => {
    fc.assert(fc.property(goodTextArb, check), { numRuns: RUNS });
  });

  it("has fewer lines, if it has comments", () => {
    const whole = "# head\n\n# more\na:\n  # about b\n  # at length\n\n  b: 1 # one\n  # c\n  c: |\n    # text\n\n    # text\n# end\nd: x\n# last\n";
    const { text, original } = withoutCommentLines(whole);
    expect(text).toBe("a:\n  b: 1 # one\n  c: |\n    # text\n\n    # text\n# end\nd: x\n");
    expect(original(text.indexOf("b: 1"))).toBe(whole.indexOf("b: 1"));
  });

  it("of lines that can be read in many ways takes time in proportion", () => {
    for (const line of [" ".repeat(400_000), "- ".repeat(200_000), "-".repeat(400_000), `a:${" ".repeat(400_000)}{`, `a: x${" ".repeat(400_000)}{`, `a: ${"x ".repeat(200_000)}!`, "a".repeat(400_000), `"${"x".repeat(400_000)}`])
      withoutCommentLines(`# c\n${line}\n# c\nb: 1\n`);
  }, 5_000);
});
