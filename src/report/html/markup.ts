/** HTML by tagged template: what is put in is escaped unless it is markup already. */

/** Markup that needs no escaping any more. */
export interface Html {
  readonly markup: string;
}

export type HtmlPart = Html | string | number | readonly HtmlPart[] | undefined | false;

/** `` html`<p>${text}</p>` ``; lists are joined, `undefined` and `false` vanish. */
export function html(strings: TemplateStringsArray, ...parts: readonly HtmlPart[]): Html {
  return { markup: strings.reduce((text, piece, index) => text + piece + (index < parts.length ? render(parts[index]) : ""), "") };
}

function render(part: HtmlPart): string {
  if (part === undefined || part === false) return "";
  if (typeof part === "string" || typeof part === "number") return escapeHtml(String(part));
  return isList(part) ? part.map(render).join("") : part.markup;
}

function isList(part: Html | readonly HtmlPart[]): part is readonly HtmlPart[] {
  return Array.isArray(part);
}

/** Markup from a source that is trusted: our own scripts and styles. */
export function raw(markup: string): Html {
  return { markup };
}

/** A script element. Its end stands in no tagged template: bundlers rewrite those that hold one. */
export function script(body: Html, attributes: Html = raw("")): Html {
  return raw(`<script${attributes.markup}>${body.markup}</script>`);
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (mark) => ENTITIES[mark]!);
}

/** JSON for a script element: no character that could end the element or be read as markup. */
export function scriptJson(value: unknown): Html {
  const text = JSON.stringify(value, (_key, member: unknown) => {
    if (typeof member === "number" && !Number.isFinite(member)) throw new RangeError(`${member} can't be written as JSON`);
    return member;
  });
  return raw(
    text
      .replace(/</g, "\\u003c")
      .replace(/\u2028/g, "\\u2028")
      .replace(/\u2029/g, "\\u2029"),
  );
}

/** An id from any name: for anchors and labels. */
export function idOf(...names: readonly string[]): string {
  return names
    .join("-")
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, "-");
}
