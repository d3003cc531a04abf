/**
 * Label selectors of `--label`: Kubernetes' syntax (`app=a,tier in (x, y),!debug`) over Cilium's labels with their sources
 * (`k8s:app=a`, `reserved:host`). Stands for pkg/hubble/filters/labels.go, k8s' labels.Parse and pkg/labels' LabelArray.
 */

/** True for the labels of an endpoint that the selector selects. */
export type LabelSelector = (labels: readonly string[]) => boolean;

type Operator = "=" | "==" | "!=" | "in" | "notin" | ">" | "<" | "exists" | "!";

interface Requirement {
  readonly key: string;
  readonly operator: Operator;
  readonly values: readonly string[];
}

/** `source:key` becomes `source.key`, which Kubernetes' names allow; the first dot is the border when labels are compared. */
const WITH_COLON = /([^,]\s*[a-z0-9-]+):([a-z0-9-]+)/g;

/** Reads a selector; throws an Error that says what it found and what it wanted. */
export function parseLabelSelector(text: string): LabelSelector {
  const requirements = new Parser(tokens(text.replace(WITH_COLON, "$1.$2"))).parse().map(withKey);
  return (labels) => {
    const parsed = labels.map(parseLabel);
    return requirements.every((requirement) => matches(requirement, parsed));
  };
}

/**
 * The same for labels without a source, such as a node's: keys are taken whole, whatever dots they have, unless the selector names a
 * source (`any:`). As releases with such filters translate selectors (labelparser.go).
 */
export function parsePlainSelector(text: string): LabelSelector {
  if (text.includes(":")) return parseLabelSelector(text);
  const requirements = new Parser(tokens(text)).parse().map((requirement) => ({ ...requirement, wanted: requirement.key, source: undefined }));
  return (labels) => {
    const parsed = labels.map(parseLabel);
    return requirements.every((requirement) => matches(requirement, parsed));
  };
}

/** A requirement with its key taken apart. */
interface KeyedRequirement extends Requirement {
  readonly wanted: string;
  /** Undefined: any. */
  readonly source: string | undefined;
}

function withKey(requirement: Requirement): KeyedRequirement {
  const { source, key } = splitLabel(requirement.key, ".");
  return { ...requirement, wanted: key, source: source === ANY || source === UNSPECIFIED ? undefined : source };
}

interface Label {
  readonly source: string;
  readonly key: string;
  readonly value: string;
}

const RESERVED = "reserved";
const ANY = "any";
const UNSPECIFIED = "unspec";

/** Labels taken apart, as flows repeat few of them. */
const parsedLabels = new Map<string, Label>();
const PARSED_MAX = 10_000;

/** A label as endpoints carry it: `source:key=value`. */
function parseLabel(text: string): Label {
  let label = parsedLabels.get(text);
  if (label === undefined) {
    label = splitLabel(text, ":");
    if (parsedLabels.size >= PARSED_MAX) parsedLabels.clear();
    parsedLabels.set(text, label);
  }
  return label;
}

function splitLabel(text: string, delimiter: ":" | "."): Label {
  const [source, rest] = splitSource(text, delimiter);
  const equals = rest.indexOf("=");
  const key = equals < 0 ? rest : rest.slice(0, equals);
  const value = equals < 0 ? "" : rest.slice(equals + 1);
  // `reserved:=host` is the old spelling of `reserved:host`.
  return source === RESERVED && key === "" ? { source, key: value, value: "" } : { source: source === "" ? UNSPECIFIED : source, key, value };
}

function splitSource(text: string, delimiter: ":" | "."): readonly [source: string, rest: string] {
  if (text === "") return ["", ""];
  if (text.startsWith("$")) return [RESERVED, text.slice(1)];
  const at = text.indexOf(delimiter);
  if (at < 0 && delimiter === ":" && text.startsWith(`${RESERVED}.`)) return [RESERVED, text.slice(RESERVED.length + 1)];
  return at < 0 ? ["", text] : [text.slice(0, at), text.slice(at + 1)];
}

function matches({ wanted, source, operator, values }: KeyedRequirement, labels: readonly Label[]): boolean {
  const label = labels.find((each) => each.key === wanted && (source === undefined || each.source === source));
  switch (operator) {
    case "=":
    case "==":
    case "in":
      return label !== undefined && values.includes(label.value);
    case "!=":
    case "notin":
      return label === undefined || !values.includes(label.value);
    case "exists":
      return label !== undefined;
    case "!":
      return label === undefined;
    case ">":
    case "<": {
      const value = label === undefined ? undefined : parseInteger(label.value);
      const limit = parseInteger(values[0] ?? "");
      if (value === undefined || limit === undefined) return false;
      return operator === ">" ? value > limit : value < limit;
    }
  }
}

function parseInteger(text: string): bigint | undefined {
  return /^[-+]?\d+$/.test(text) ? BigInt(text.replace(/^\+/, "")) : undefined;
}

const SYMBOLS = ["==", "!=", "=", "!", "(", ")", ",", ">", "<"] as const;
const END = "";
/** Words and symbols; a word is whatever stands between blanks and symbols. */
const TOKEN = /\s*(==|!=|[=!(),<>]|[^\s=!(),<>]+)/y;

interface Token {
  readonly kind: "word" | "symbol" | "end";
  readonly text: string;
}

function tokens(text: string): readonly Token[] {
  const found: Token[] = [];
  const trimmed = text.trimEnd();
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < trimmed.length) {
    const word = TOKEN.exec(trimmed)![1]!;
    found.push({ kind: (SYMBOLS as readonly string[]).includes(word) ? "symbol" : "word", text: word });
  }
  return [...found, { kind: "end", text: END }];
}

const BINARY: readonly string[] = ["in", "notin", "=", "==", "!=", ">", "<"];

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(found: readonly Token[]) {
    this.#tokens = found;
  }

  parse(): readonly Requirement[] {
    const requirements: Requirement[] = [];
    while (this.#next().kind !== "end") {
      if (this.#next().kind !== "word" && this.#next().text !== "!") throw this.#unexpected("!, identifier, or 'end of string'");
      try {
        requirements.push(this.#requirement());
      } catch (error) {
        throw new Error(`unable to parse requirement: ${(error as Error).message}`);
      }
      if (this.#next().kind === "end") break;
      if (this.#next().text !== ",") throw this.#unexpected("',' or 'end of string'");
      this.#take();
      if (this.#next().kind !== "word" && this.#next().text !== "!") throw this.#unexpected("identifier after ','");
    }
    return requirements;
  }

  #next(): Token {
    return this.#tokens[this.#at]!;
  }

  #take(): Token {
    return this.#tokens[this.#at++]!;
  }

  #unexpected(expected: string): Error {
    return new Error(`found '${this.#next().text}', expected: ${expected}`);
  }

  #requirement(): Requirement {
    const absent = this.#next().text === "!";
    if (absent) this.#take();
    if (this.#next().kind !== "word") throw this.#unexpected("identifier");
    const key = this.#take().text;
    checkKey(key);
    if (this.#next().kind === "end" || this.#next().text === ",") return { key, operator: absent ? "!" : "exists", values: [] };
    if (!BINARY.includes(this.#next().text)) throw this.#unexpected("in, notin, =, ==, !=, gt, lt");
    const operator = this.#take().text as Operator;
    const values = operator === "in" || operator === "notin" ? this.#set() : [this.#exactValue()];
    if ((operator === ">" || operator === "<") && parseInteger(values[0]!) === undefined) {
      throw new Error(`values[0]: Invalid value: "${values[0]!}": for 'Gt', 'Lt' operators, the value must be an integer`);
    }
    values.forEach(checkValue);
    return { key, operator, values };
  }

  /** `(a, b)`; empty places are the empty value. */
  #set(): string[] {
    if (this.#next().text !== "(") throw this.#unexpected("'('");
    this.#take();
    const values: string[] = [];
    for (let value = ""; ; this.#take()) {
      if (this.#next().kind === "word") value = this.#take().text;
      if (this.#next().text !== "," && this.#next().text !== ")") throw this.#unexpected("',' or ')'");
      values.push(value);
      value = "";
      if (this.#next().text === ")") break;
    }
    this.#take();
    return values;
  }

  #exactValue(): string {
    if (this.#next().kind === "end" || this.#next().text === ",") return "";
    if (this.#next().kind !== "word") throw this.#unexpected("identifier");
    return this.#take().text;
  }
}

const NAME = /^(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const PREFIX = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;
/** Longest name or value, and longest prefix: k8s' validation. */
const NAME_LENGTH = 63;
const PREFIX_LENGTH = 253;

function checkKey(key: string): void {
  const parts = key.split("/");
  const name = parts.at(-1)!;
  const prefix = parts.length === 2 ? parts[0]! : undefined;
  const fine = parts.length <= 2 && isName(name) && (prefix === undefined || (prefix.length <= PREFIX_LENGTH && PREFIX.test(prefix)));
  if (!fine) throw new Error(`Invalid value: "${key}": name part must consist of alphanumeric characters, '-', '_' or '.'`);
}

function checkValue(value: string): void {
  if (value !== "" && !isName(value)) {
    throw new Error(`Invalid value: "${value}": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.'`);
  }
}

function isName(text: string): boolean {
  return text.length <= NAME_LENGTH && NAME.test(text);
}
