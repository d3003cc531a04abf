/**
 * A YAML text without the lines that only its readers need. Two thirds of a chart's values.yaml are comments, and each
 * of their tokens would pass through lexer, parser and composer.
 *
 * Left out are comments and blank lines between two lines that begin with a key or an item, when the value of the first
 * can't go on. Wherever a `#` might not begin a comment (block scalars, quotes and brackets that stay open) all lines
 * stay. A text that parses without a word keeps its meaning; one that doesn't has to be parsed whole, so that its
 * mistakes are found where they are.
 */

export interface ShortenedText {
  readonly text: string;
  /** Where a character of the shortened text stands in the whole one. */
  original(offset: number): number;
}

export function withoutCommentLines(text: string): ShortenedText {
  return new Shortener(text).shorten();
}

/** Dashes, then a key with its colon, or the last dash. */
const BEGINNING = String.raw`( *(?:- +)*)(?:(?:[\w./-]+|"[^"\\\n]*"|'[^'\n]*'):|-)(?=[ \r\n]|$)`;
/** A value that ends with its line: closed quotes, an empty collection, or a plain scalar without anything special. */
const VALUE = String.raw`(?:"[^"\\\n]*"|'[^'\n]*'|\{ *\}|\[ *\]) *|(?:[\w./+$~(]|-(?=[\w.]))[^"'{}[\]|>#&*!\t\r\n]*`;
const KEY_OR_ITEM = new RegExp(BEGINNING, "y");
const COMPLETE = new RegExp(String.raw`${BEGINNING}(?: +(${VALUE})| *)(?:(?<= )#[^\n]*)?\r?(?:\n|$)`, "y");
const DOCUMENT_START = /--- *\r?\n/y;

const SPACE = 0x20;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const HASH = 0x23;
const ANY_DEPTH = Number.POSITIVE_INFINITY;

class Shortener {
  readonly #text: string;
  /** Stretches that stay, and where they begin in the shortened and in the whole text. */
  readonly #kept: string[] = [];
  readonly #starts: number[] = [];
  readonly #origins: number[] = [];
  #length = 0;
  #keptUntil = 0;
  /** Keys and items as deep as this, or less, are not part of the value of the last line. */
  #depth = ANY_DEPTH;
  /** Whether that value may go on in deeper lines, whatever they look like. */
  #open = false;

  constructor(text: string) {
    this.#text = text;
  }

  shorten(): ShortenedText {
    const text = this.#text;
    let contentEnd = 0;
    for (let start = 0; start < text.length; ) {
      let at = start;
      while (text.charCodeAt(at) === SPACE) at++;
      const lineFeed = text.indexOf("\n", at);
      const end = lineFeed === -1 ? text.length : lineFeed + 1;
      if (!isIdle(text, at, end)) {
        const beginning = at - start <= this.#depth ? matchAt(KEY_OR_ITEM, text, start) : null;
        if (!this.#open && beginning !== null && contentEnd < start) this.#leaveOut(contentEnd, start);
        if (!this.#understands(start, beginning)) return this.#result(text.length);
        contentEnd = end;
      }
      start = end;
    }
    return this.#result(this.#open ? text.length : contentEnd);
  }

  /** Takes note of a line. False when it is not known where its value, or that of the line before, ends. */
  #understands(start: number, beginning: RegExpExecArray | null): boolean {
    if (beginning === null) {
      if (this.#open) return true;
      if (matchAt(DOCUMENT_START, this.#text, start) === null) return false;
      this.#depth = ANY_DEPTH;
      return true;
    }
    const complete = matchAt(COMPLETE, this.#text, start);
    this.#open = complete === null;
    this.#depth = complete !== null && complete[2] === undefined ? ANY_DEPTH : beginning[1]!.length;
    return true;
  }

  #leaveOut(from: number, to: number): void {
    this.#keep(from);
    this.#keptUntil = to;
  }

  #keep(until: number): void {
    if (until === this.#keptUntil) return;
    this.#starts.push(this.#length);
    this.#origins.push(this.#keptUntil);
    this.#kept.push(this.#text.slice(this.#keptUntil, until));
    this.#length += until - this.#keptUntil;
  }

  #result(until: number): ShortenedText {
    this.#keep(until);
    return { text: this.#kept.join(""), original: offsetMap(this.#starts, this.#origins) };
  }
}

/** From offsets in stretches that begin at `starts` to the same place in stretches that begin at `origins`. */
function offsetMap(starts: readonly number[], origins: readonly number[]): (offset: number) => number {
  const holds = (stretch: number, offset: number): boolean => offset >= starts[stretch]! && offset < (starts[stretch + 1] ?? Number.POSITIVE_INFINITY);
  // Most often somebody asks for a place near the last one.
  let last = 0;
  return (offset) => {
    if (starts.length === 0) return offset;
    if (!holds(last, offset)) last = holds(last + 1, offset) ? last + 1 : lastAtOrBefore(starts, offset);
    return offset - starts[last]! + origins[last]!;
  };
}

/** Index of the last number in a rising list that is not above a limit; 0 if all are. */
function lastAtOrBefore(rising: readonly number[], limit: number): number {
  let low = 0;
  let high = rising.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (rising[middle]! <= limit) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** A blank line or a comment, by its first letter. */
function isIdle(text: string, at: number, end: number): boolean {
  const letter = text.charCodeAt(at);
  return at === end || letter === HASH || letter === LINE_FEED || (letter === CARRIAGE_RETURN && at + 2 >= end);
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}
