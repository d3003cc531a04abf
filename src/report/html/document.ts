/** The frame of every page: what it may load (nothing), its style, its data and its program. */
import { html, type Html, raw, script, scriptJson } from "./markup.js";
import { chartLibrarySource, ERROR_COUNTER } from "./scripts.js";
import { STYLE } from "./style.js";

/** Nothing may be loaded from anywhere; scripts and styles are those in the page. */
const POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:";

export interface PageParts {
  readonly title: string;
  readonly ctlab: string;
  /** What a reader may skip to: an id, and how it is called. */
  readonly first: readonly [id: string, name: string];
  readonly header: Html;
  readonly main: Html;
  /** Lies in the page as JSON. `name`: of the file when it is saved. */
  readonly data: { readonly name: string; readonly value: unknown };
  readonly program: string;
}

/** The whole file. The same parts give the same bytes. */
export function pageDocument({ title, ctlab, first, header, main, data, program }: PageParts): string {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="generator" content="ctlab ${ctlab}">
<title>${title} · ctlab</title>
<style>${raw(STYLE)}</style>
${script(raw(ERROR_COUNTER))}
</head>
<body>
<a class="skip" href="#${first[0]}">Skip to the ${first[1]}</a>
${header}
<main class="wide">
${main}
</main>
<footer class="wide">Made by ctlab ${ctlab}, by simulation: nothing in here was measured on a cluster unless it says so.
Charts: Apache ECharts.</footer>
${script(scriptJson(data.value), html` type="application/json" id="ctlab-result" data-name="${data.name}"`)}
${script(raw(chartLibrarySource()))}
${script(raw(program))}
</body>
</html>
`;
  return page.markup;
}

/** What every page begins with; `links` lead to its sections. */
export function pageHeader(
  kind: string,
  title: string,
  about: string,
  facts: readonly string[],
  links: readonly (readonly [id: string, title: string])[],
): Html {
  return html`<header><div class="wide top"><p class="brand">ctlab ${kind}</p>
<nav aria-label="Contents"><ul>${links.map(([id, name]) => html`<li><a href="#${id}">${name}</a></li>`)}</ul></nav>
<button type="button" id="theme">Light / dark</button></div>
<div class="wide"><h1>${title}</h1><p class="about">${about}</p>
<ul class="facts">${facts.map((fact) => html`<li>${fact}</li>`)}</ul></div></header>`;
}

/** The command, and buttons that copy it and save the data. */
export function commandBox(command: string): Html {
  return html`<pre tabindex="0"><code>${command}</code></pre>
<div class="actions"><button type="button" id="copy-command">Copy</button>
<button type="button" id="save-data">Save the data as JSON</button></div>`;
}
