/**
 * YAML text → trees with places. The parser is the `yaml` package; what is added here are bounds (nesting, aliases), all
 * mistakes at once with places, duplicate keys, merge keys, and YAML 1.1's booleans for files that Helm reads.
 */

import { Composer, Lexer, Parser, isAlias, isMap, isNode, isPair, isScalar, isSeq } from "yaml";
import type { Alias, Document, Node, ParsedNode, YAMLMap } from "yaml";
import { withoutCommentLines } from "./comment-lines.js";
import type { Diagnostics } from "./diagnostics.js";
import { place, type Place, type SourceText } from "./source.js";
import { isNull, type ScalarValue, type Tree, type TreeEntry, type TreeList, type TreeMap, type TreeScalar } from "./tree.js";

/** Deepest nesting of maps and lists. The composer recurses, so the bound comes before it. */
export const NESTING_MAX = 64;
/** Tokens that the parser stacks for one level: a map and its value. */
const STACK_PER_LEVEL = 2;
/** Values that all aliases of a file together may repeat; a bomb repeats millions. */
export const ALIASED_VALUES_MAX = 10_000;

export interface YamlOptions {
  /** Plain scalars mean what they mean to Helm: `yes`, `on`, `n` … are truth values, 010 is 8. */
  readonly helm?: boolean;
  /** Offset at which the YAML begins; what stands before it is not looked at. */
  readonly from?: number;
}

/** The documents of a text; undefined when it is no YAML (then diagnostics say why). An empty text has none. */
export function parseYaml(source: SourceText, found: Diagnostics, options: YamlOptions = {}): readonly Tree[] | undefined {
  const { from = 0 } = options;
  // Blanks instead of what is left out keep every offset as it is.
  const text = from === 0 ? source.text : " ".repeat(from) + source.text.slice(from);
  const short = withoutCommentLines(text);
  let original: Original = short.original;
  let parsed = compose(short.text);
  if (hasRemarks(parsed)) {
    original = (offset) => offset;
    parsed = compose(text);
  }
  if (!report(parsed, source, found)) return undefined;
  const reader = new Reader(source, original, found, options);
  const trees = parsed.documents.filter(({ contents }) => contents !== null).map((document) => reader.read(document));
  return reader.failed ? undefined : trees;
}

/** From an offset in the text that was parsed to the one in the text that was written. */
type Original = (offset: number) => number;

type ParsedDocument = Document.Parsed<ParsedNode, true>;

interface Parsed {
  readonly documents: readonly ParsedDocument[];
  /** Where quotes were opened that their line does not close, first. */
  readonly openQuote: number | undefined;
  /** Where nesting goes too deep; nothing was composed then. */
  readonly tooDeep: number | undefined;
}

function compose(text: string): Parsed {
  const parser = new Parser();
  const tokens = [];
  let openQuote: number | undefined;
  for (const lexeme of new Lexer().lex(text)) {
    if (isOpenQuote(lexeme)) openQuote ??= parser.offset;
    for (const token of parser.next(lexeme)) tokens.push(token);
    if (parser.stack.length > NESTING_MAX * STACK_PER_LEVEL) return { documents: [], openQuote, tooDeep: parser.offset };
  }
  for (const token of parser.end()) tokens.push(token);
  // Duplicate keys are looked for later: the composer's own check takes time in the square of the keys.
  const composer = new Composer<ParsedNode, true>({ prettyErrors: false, uniqueKeys: false, logLevel: "silent" });
  return { documents: [...composer.compose(tokens, false, text.length)], openQuote, tooDeep: undefined };
}

function hasRemarks({ documents, tooDeep }: Parsed): boolean {
  return tooDeep !== undefined || documents.some(({ errors, warnings }) => errors.length > 0 || warnings.length > 0);
}

/** Says what the parser has to say; false when the text is no YAML. */
function report({ documents, openQuote, tooDeep }: Parsed, source: SourceText, found: Diagnostics): boolean {
  if (tooDeep !== undefined) {
    found.error(place(source, tooDeep), "values are nested too deeply", { expected: `at most ${NESTING_MAX} levels` });
    return false;
  }
  for (const { errors, warnings } of documents) {
    for (const { pos, message } of errors) {
      // The parser finds out at the end of the file; the mistake is where the quotes were opened.
      if (/^Missing closing /.test(message) && openQuote !== undefined) {
        found.error(place(source, openQuote, openQuote + 1), "this is no YAML: the quotes that open here are never closed");
      } else {
        found.error(place(source, pos[0], pos[1]), `this is no YAML: ${sentence(message)}`);
      }
    }
    for (const { pos, message } of warnings) found.warning(place(source, pos[0], pos[1]), sentence(message));
  }
  return documents.every(({ errors }) => errors.length === 0);
}

function isOpenQuote(lexeme: string): boolean {
  const quote = lexeme[0];
  return (quote === '"' || quote === "'") && (lexeme.length === 1 || !lexeme.endsWith(quote));
}

function sentence(message: string): string {
  const trimmed = message.replace(/\s+/g, " ").trim();
  return trimmed.charAt(0).toLowerCase() + trimmed.slice(1);
}

/** One text's nodes as trees. */
class Reader {
  readonly #source: SourceText;
  readonly #original: Original;
  readonly #found: Diagnostics;
  readonly #helm: boolean;
  /** Anchors so far; one may be given again, then later aliases mean the later node. */
  readonly #anchors = new Map<string, Node>();
  /** Aliases that are being followed: an alias inside its own anchor would go round for ever. */
  readonly #following = new Set<Node>();
  #aliasedValues = 0;
  failed = false;

  constructor(source: SourceText, original: Original, found: Diagnostics, { helm = false }: YamlOptions) {
    this.#source = source;
    this.#original = original;
    this.#found = found;
    this.#helm = helm;
  }

  read(document: ParsedDocument): Tree {
    this.#anchors.clear();
    return this.#value(document.contents);
  }

  #place(node: Node): Place {
    const [start, end] = node.range ?? [0, 0];
    return place(this.#source, this.#original(start), end > start ? this.#original(end - 1) + 1 : undefined);
  }

  #fail(at: Place, message: string, expected?: string): TreeScalar {
    this.failed = true;
    this.#found.error(at, message, { expected });
    return nothing(at);
  }

  #value(node: unknown, fallback?: Place): Tree {
    if (isAlias(node)) return this.#alias(node);
    if (isNode(node)) this.#enter(node);
    if (isMap(node)) return this.#map(node);
    if (isSeq(node)) return this.#list(node.items, this.#place(node));
    if (isScalar(node)) return this.#scalar(node.value, node.source, node.type === "PLAIN" && node.tag === undefined, this.#place(node));
    return nothing(fallback ?? place(this.#source, 0));
  }

  #enter(node: Node): void {
    const { anchor } = node as { anchor?: string };
    if (this.#following.size === 0) {
      if (anchor !== undefined) this.#anchors.set(anchor, node);
    } else if (++this.#aliasedValues === ALIASED_VALUES_MAX + 1) {
      const expected = "fewer aliases of aliases";
      this.#fail(this.#place(node), `aliases repeat this and other values more than ${ALIASED_VALUES_MAX} times in all`, expected);
    }
  }

  #list(items: readonly unknown[], at: Place): TreeList {
    // In a flow list `[a: 1]` an item is a pair, that is, a map of one key.
    return { kind: "list", items: items.map((item) => (isPair(item) ? this.#pairs([item], at) : this.#value(item, at))), at };
  }

  #map(node: YAMLMap): TreeMap {
    return this.#pairs(node.items, this.#place(node));
  }

  #pairs(pairs: readonly { readonly key: unknown; readonly value: unknown }[], at: Place): TreeMap {
    const entries = new Map<string, TreeEntry>();
    const merged: Tree[] = [];
    for (const pair of pairs) {
      const key = this.#key(pair.key, at);
      if (key === undefined) continue;
      const value = this.#value(pair.value, key.at);
      if (key.text === "<<" && !key.quoted) {
        merged.push(value);
        continue;
      }
      const first = entries.get(key.text);
      if (first !== undefined) {
        const { line } = this.#source.position(first.keyAt.start);
        this.#fail(key.at, `the key "${key.text}" stands twice in this mapping; it is already in line ${line}`, "each key once");
        continue;
      }
      entries.set(key.text, { keyAt: key.at, value });
    }
    for (const value of merged) this.#merge(entries, value);
    return { kind: "map", entries, at };
  }

  /** `<<: *defaults` and `<<: [*a, *b]`: keys that are not there yet; earlier maps win. */
  #merge(entries: Map<string, TreeEntry>, value: Tree): void {
    if (value.kind === "list") for (const item of value.items) this.#merge(entries, item);
    else if (value.kind === "map") for (const [key, entry] of value.entries) if (!entries.has(key)) entries.set(key, entry);
    if (value.kind === "scalar" && !isNull(value)) this.#fail(value.at, "a merge key takes a mapping", "an alias such as *defaults");
  }

  #key(node: unknown, fallback: Place): TreeScalar | undefined {
    const value = this.#value(node, fallback);
    if (value.kind === "scalar") return value.value === null ? { ...value, text: "null" } : value;
    this.#fail(value.at, "a key is a mapping or a list", "a name");
    return undefined;
  }

  #alias(alias: Alias): Tree {
    const at = this.#place(alias);
    const target = this.#anchors.get(alias.source);
    if (target === undefined) return this.#fail(at, `no anchor "&${alias.source}" stands before this alias`);
    if (this.#following.has(target)) return this.#fail(at, `the alias "*${alias.source}" stands inside its own anchor`);
    if (this.#aliasedValues > ALIASED_VALUES_MAX) return nothing(at);
    this.#following.add(target);
    const value = this.#value(target);
    this.#following.delete(target);
    return value;
  }

  #scalar(value: unknown, source: string | undefined, isPlain: boolean, at: Place): TreeScalar {
    const text = source ?? String(value);
    if (this.#helm && isPlain && value !== null) return { kind: "scalar", value: helmValue(text), text, quoted: false, at };
    return { kind: "scalar", value: isScalarValue(value) ? value : text, text, quoted: !isPlain, at };
  }
}

const HELM_TRUE = /^(?:y|Y|yes|Yes|YES|on|On|ON|true|True|TRUE)$/;
const HELM_FALSE = /^(?:n|N|no|No|NO|off|Off|OFF|false|False|FALSE)$/;
const HELM_INTEGER = /^([-+]?)(?:0([xXoObB]?)([0-9a-fA-F]+)|([1-9][0-9]*|0))$/;
const HELM_FRACTION = /^[-+]?[0-9]*\.?[0-9]+(?:[eE][-+][0-9]+)?$/;
const RADIX: Readonly<Record<string, string>> = { x: "0x", o: "0o", "": "0o", b: "0b" };

/** A plain scalar as the parser of Helm's values understands it: YAML 1.1 with Go's numbers (0x10, 010, 0b1, 1_000; not 5e5). */
function helmValue(text: string): ScalarValue {
  if (HELM_TRUE.test(text)) return true;
  if (HELM_FALSE.test(text)) return false;
  const digits = text.replaceAll("_", "");
  const integer = HELM_INTEGER.exec(digits);
  if (integer !== null) {
    const [, sign, radix, coded, decimal] = integer;
    const size = Number(decimal ?? `${RADIX[radix!.toLowerCase()]!}${coded!}`);
    if (!Number.isNaN(size)) return sign === "-" ? -size : size;
  }
  return HELM_FRACTION.test(digits) ? Number(digits) : text;
}

function isScalarValue(value: unknown): value is ScalarValue {
  return value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

function nothing(at: Place): TreeScalar {
  return { kind: "scalar", value: null, text: "", quoted: false, at };
}
