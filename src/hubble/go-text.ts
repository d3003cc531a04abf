/** How Go writes text that the `hubble` client prints: strconv.Quote, %.2f, net.JoinHostPort, path.Join, byte-wise order. */

const QUOTED: Readonly<Record<string, string>> = {
  "\u0007": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  "\\": "\\\\",
  '"': '\\"',
};
/** unicode.IsPrint: letters, marks, numbers, punctuation, symbols, and the ASCII space. */
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;
const BYTE_LIMIT = 0x80;
const BASIC_PLANE_LAST = 0xffff;

/** strconv.Quote, also `%q`. */
export function goQuote(text: string): string {
  let quoted = "";
  for (const char of text) quoted += QUOTED[char] ?? (PRINTABLE.test(char) ? char : escaped(char.codePointAt(0)!));
  return `"${quoted}"`;
}

function escaped(code: number): string {
  const hex = code.toString(16);
  if (code < BYTE_LIMIT) return `\\x${hex.padStart(2, "0")}`;
  return code <= BASIC_PLANE_LAST ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}

/** Enough digits to see that a double lies exactly between two hundredths. */
const EXACT_DIGITS = 40;
const EXPONENTS_FROM = 1e21;
const TIE = /^-?\d+\.\d([0-9])50*$/;

/** `%.2f`: as toFixed, but ties go to the even digit. */
export function fixed2(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
  // toFixed turns to exponents there; such a double is whole.
  if (Math.abs(value) >= EXPONENTS_FROM) return `${BigInt(value)}.00`;
  const exact = value.toFixed(EXACT_DIGITS);
  const tie = TIE.exec(exact);
  // The digit before a tie stays when it is even: cut instead of rounding.
  if (tie !== null && Number(tie[1]) % 2 === 0) return exact.slice(0, exact.indexOf(".") + 3);
  return value.toFixed(2);
}

/** Thousands separated by commas. */
export function grouped(value: bigint): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** net.JoinHostPort. */
export function joinHostPort(host: string, port: string): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

const NEEDS_CLEANING = /^\/|\/$|\/\/|(?:^|\/)\.{1,2}(?:\/|$)/;

/** path.Join of two elements: empty ones are left out, the result is cleaned. */
export function joinPath(first: string, second: string): string {
  const joined = first === "" ? second : second === "" ? first : `${first}/${second}`;
  return NEEDS_CLEANING.test(joined) ? cleaned(joined) : joined;
}

function cleaned(path: string): string {
  const rooted = path.startsWith("/");
  const kept: string[] = [];
  for (const element of path.split("/")) {
    if (element === "" || element === ".") continue;
    const canGoUp = kept.length > 0 && kept.at(-1) !== "..";
    if (element !== "..") kept.push(element);
    else if (canGoUp) kept.pop();
    else if (!rooted) kept.push(element);
  }
  return `${rooted ? "/" : ""}${kept.join("/")}` || ".";
}

/** The order of Go's strings, that of their bytes; UTF-16 sorts characters beyond the basic plane elsewhere. */
export function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Digits of strconv.ParseUint with base 0: 0x, 0o, 0b, a leading 0 for octal, underscores between digits. */
const UNSIGNED = /^(?:0x(?:_?[0-9a-f])+|0b(?:_?[01])+|0o(?:_?[0-7])+|0(?:_?[0-7])*|[1-9](?:_?\d)*)$/i;

/** An unsigned number as Go reads it from flags; undefined when it is none. */
export function parseUint(text: string): bigint | undefined {
  if (!UNSIGNED.test(text)) return undefined;
  const digits = text.replaceAll("_", "");
  return BigInt(/^0\d/.test(digits) ? `0o${digits.slice(1)}` : digits);
}
