/** Tables of the page: a caption for those who can't see the layout, headers that sort, a frame that scrolls when narrow. */
import { html, type Html } from "./markup.js";

export interface Head {
  readonly title: string;
  readonly numeric?: boolean;
}

/** What a cell shows, and what it is sorted by when that is not its text. */
export interface Cell {
  readonly show: Html | string;
  readonly key?: number | string;
}

/** Shorthands for cells. */
export const text = (show: Html | string): Cell => ({ show });
export const figure = (show: string, key: number): Cell => ({ show, key });

/** A table whose first column names the row. */
export function table(caption: string, heads: readonly Head[], rows: readonly (readonly Cell[])[], sortable = true): Html {
  return html`<div class="scroll" role="region" tabindex="0" aria-label="${caption}"><table><caption class="unseen">${caption}</caption>
<thead><tr>${heads.map((head) => headOf(head, sortable && rows.length > 1))}</tr></thead>
<tbody>${rows.map(
    (cells) => html`<tr>${cells.map((cell, at) => cellOf(cell, at, heads[at]?.numeric === true))}</tr>
`,
  )}</tbody></table></div>`;
}

function headOf({ title, numeric }: Head, sortable: boolean): Html {
  const shown = sortable ? html`<button type="button">${title}</button>` : title;
  return html`<th scope="col"${numeric === true && html` class="num"`}>${shown}</th>`;
}

function cellOf({ show, key }: Cell, at: number, numeric: boolean): Html {
  const keyed = key !== undefined && html` data-key="${key}"`;
  if (at === 0) return html`<th scope="row"${numeric && html` class="num"`}${keyed}>${show}</th>`;
  return html`<td${numeric && html` class="num"`}${keyed}>${show}</td>`;
}
