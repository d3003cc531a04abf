/** Places for charts, each with a caption, a text for those who can't see it, and its controls. */
import type { FigureKind } from "./client/chart-parts.js";
import { html, type Html } from "./markup.js";

export interface Figure {
  readonly id: string;
  readonly kind: FigureKind;
  /** Index of the variant, and of what the chart shows of it where there are several. */
  readonly variant: number;
  readonly index?: number;
  readonly title: string;
  /** What a reader should look for; also the chart's text alternative, so it carries the figures. */
  readonly note: string;
  readonly controls?: Html;
  /** Pixels, when the chart needs other than the usual height. */
  readonly height?: number;
}

export function figureOf({ id, kind, variant, index, title, note, controls, height }: Figure): Html {
  const settings = controls !== undefined && html`<div class="controls">${controls}</div>`;
  return html`<figure class="chart"><div class="chart-head"><p class="chart-title" id="${id}-title">${title}</p>${settings}</div>
<figcaption id="${id}-note">${note}</figcaption>
<div class="plot" id="${id}" data-chart="${kind}" data-variant="${variant}" data-index="${index ?? 0}"${height !== undefined && html` style="height:${height}px"`}
role="img" aria-labelledby="${id}-title" aria-describedby="${id}-note"></div></figure>
`;
}

/** Switches a chart's vertical axis between the range of its data and one that starts at zero. */
export function zeroButton(id: string): Html {
  return html`<button type="button" class="small" data-zero data-for="${id}" aria-pressed="false">From zero</button>`;
}

export function columnSelect(id: string, names: readonly (readonly [name: string, unit: string])[]): Html {
  return choice(id, "Series", names.map(([name, unit]) => [name, `${name} (${unit})`] as const));
}

/** Which of several things a chart shows; the first is shown first. */
export function choice(id: string, label: string, options: readonly (readonly [value: string, text: string])[]): Html {
  return html`<label class="small">${label} <select data-for="${id}">${options.map(([value, text]) => html`<option value="${value}">${text}</option>`)}</select></label>`;
}
