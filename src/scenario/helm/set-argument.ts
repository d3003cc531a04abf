/**
 * `--set` as `helm` reads it (helm.sh/helm, pkg/strvals): `a.b=1,c=true`, `list={x,y}`, `list[0]=x`, `a\.b=1`. Truth
 * values, null and whole numbers without leading zeros get their type, everything else is text.
 */

import type { Diagnostics } from "../diagnostics.js";
import { place, SourceText, type Place } from "../source.js";
import { treeAt, withEntry, type Path, type ScalarValue, type Tree, type TreeMap } from "../tree.js";

/** What `--set` takes, for messages. */
export const SET_FORM = "key=value as helm takes it, such as bpf.ctTcpMax=1048576";
/** Largest index of a list; Helm's own bound. */
const INDEX_MAX = 65_536;
/** Deepest nesting of names; Helm's own bound. */
const DEPTH_MAX = 30;

interface Step {
  readonly key: string | number;
  readonly at: Place;
}

interface Assignment {
  readonly steps: readonly Step[];
  readonly value: Tree;
}

/**
 * The values of all arguments in order, later ones over earlier ones. Items of lists are put into the lists of `base`,
 * the values of the files. Mistakes are reported under `name` (`--set`); values without mistakes are given all the same.
 */
export function readSetArguments(name: string, texts: readonly string[], base: Tree, found: Diagnostics): TreeMap {
  const at = place(new SourceText(name, ""), 0);
  const empty: TreeMap = { kind: "map", entries: new Map(), at };
  return texts
    .flatMap((text) => new ArgumentReader(new SourceText(name, text), found).assignments())
    .reduce<TreeMap>((set, { steps, value }) => {
      const changed = assign(set, base, [], steps, value);
      return changed.kind === "map" ? changed : set;
    }, empty);
}

function assign(tree: Tree | undefined, base: Tree, path: Path, steps: readonly Step[], value: Tree): Tree {
  const [step, ...rest] = steps;
  if (step === undefined) return value;
  const { key, at } = step;
  const below = [...path, key];
  if (typeof key === "number") {
    const known = tree?.kind === "list" ? tree : treeAt(base, path);
    const items = known?.kind === "list" ? [...known.items] : [];
    while (items.length < key) items.push({ kind: "scalar", value: null, text: "", quoted: false, at });
    items[key] = assign(items[key], base, below, rest, value);
    return { kind: "list", items, at };
  }
  const map: TreeMap = tree?.kind === "map" ? tree : { kind: "map", entries: new Map(), at };
  return withEntry(map, key, { keyAt: at, value: assign(map.entries.get(key)?.value, base, below, rest, value) });
}

class ArgumentReader {
  readonly #source: SourceText;
  readonly #text: string;
  readonly #found: Diagnostics;
  #at = 0;

  constructor(source: SourceText, found: Diagnostics) {
    this.#source = source;
    this.#text = source.text;
    this.#found = found;
  }

  assignments(): readonly Assignment[] {
    const assignments: Assignment[] = [];
    if (this.#text.trim() === "") this.#fail(0, this.#text.length, "this sets nothing");
    while (this.#at < this.#text.length) {
      const steps = this.#steps();
      if (steps === undefined) return assignments;
      assignments.push({ steps, value: this.#value() });
    }
    return assignments;
  }

  #fail(start: number, end: number, message: string): undefined {
    this.#found.error(place(this.#source, start, end), message, { expected: SET_FORM });
    return undefined;
  }

  /** Names and indices up to the equals sign, which is taken too. */
  #steps(): readonly Step[] | undefined {
    const steps: Step[] = [];
    for (;;) {
      const start = this.#at;
      const isIndex = this.#text[start] === "[";
      const step = isIndex && steps.length > 0 ? this.#index() : this.#name();
      if (step === undefined) return undefined;
      steps.push(step);
      if (steps.length > DEPTH_MAX) return this.#fail(start, this.#at, `names are nested more than ${DEPTH_MAX} deep`);
      const next = this.#text[this.#at];
      if (next === "=") {
        this.#at++;
        return steps;
      }
      if (next === ".") this.#at++;
      else if (next !== "[")
        return this.#fail(steps[0]!.at.start, this.#at, `"${this.#text.slice(steps[0]!.at.start, this.#at)}" has no value`);
    }
  }

  #name(): Step | undefined {
    const start = this.#at;
    const name = this.#until(/[.=,[]/);
    if (name === "") return this.#fail(start, start + 1, "a name is missing");
    return { key: name, at: place(this.#source, start, this.#at) };
  }

  #index(): Step | undefined {
    const start = this.#at;
    const match = /^\[(\d{1,6})\]/.exec(this.#text.slice(start));
    if (match === null || Number(match[1]) > INDEX_MAX) return this.#fail(start, start + 1, "an index of a list is missing");
    this.#at += match[0].length;
    return { key: Number(match[1]), at: place(this.#source, start, this.#at) };
  }

  /** A value up to the comma, which is taken too. */
  #value(): Tree {
    const start = this.#at;
    if (this.#text[start] === "{") return this.#list();
    const value = scalar(this.#until(/,/), place(this.#source, start, this.#at));
    this.#at++;
    return value;
  }

  #list(): Tree {
    const start = this.#at++;
    const items: Tree[] = [];
    while (this.#at < this.#text.length && this.#text[this.#at] !== "}") {
      const from = this.#at;
      items.push(scalar(this.#until(/[,}]/), place(this.#source, from, this.#at)));
      if (this.#text[this.#at] === ",") this.#at++;
    }
    if (this.#text[this.#at] !== "}") this.#fail(start, this.#text.length, "this list has no end");
    this.#at++;
    const end = this.#at;
    if (this.#at < this.#text.length && this.#text[this.#at] !== ",")
      this.#fail(end, this.#text.length, "nothing can stand behind a list but a comma");
    while (this.#at < this.#text.length && this.#text[this.#at++] !== ",");
    return { kind: "list", items, at: place(this.#source, start, end) };
  }

  /** Text up to a letter that ends it; a backslash takes the next letter as it is. */
  #until(end: RegExp): string {
    let text = "";
    while (this.#at < this.#text.length && !end.test(this.#text[this.#at]!)) {
      if (this.#text[this.#at] === "\\" && this.#at + 1 < this.#text.length) this.#at++;
      text += this.#text[this.#at++]!;
    }
    return text;
  }
}

function scalar(text: string, at: Place): Tree {
  return { kind: "scalar", value: typed(text), text, quoted: false, at };
}

function typed(text: string): ScalarValue {
  const lower = text.toLowerCase();
  if (lower === "true") return true;
  if (lower === "false") return false;
  if (lower === "null") return null;
  if (text === "0") return 0;
  return /^-?[1-9]\d*$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : text;
}
