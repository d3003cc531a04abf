/**
 * `report.html`: one file that opens without network, for a person who was not there. The verdict comes first; tables
 * and text need no script; charts are drawn from the result that lies inside the page as JSON.
 */
import { formatDuration } from "../../core/units.js";
import type { ExperimentResult } from "../../observe/result.js";
import { variantName } from "../wording.js";
import { compareSection } from "./compare-section.js";
import { commandBox, pageDocument, pageHeader } from "./document.js";
import { html, type Html } from "./markup.js";
import { isShortened, pageData } from "./page-data.js";
import { pageSource } from "./scripts.js";
import { panelId, variantSection } from "./variant-section.js";
import { assumptionsList, badge, findingsList } from "./verdict-section.js";

/** The whole page. The same result gives the same bytes. */
export function reportHtml(result: ExperimentResult): string {
  const several = result.variants.length > 1;
  return pageDocument({
    title: result.scenario.name,
    ctlab: result.ctlab,
    first: ["verdict", "verdict"],
    header: head(result, several),
    main: html`${result.partial && html`<p class="partial">The run was interrupted: variants may be missing or shorter than asked for.</p>`}
${verdict(result)}
${several && compareSection(result)}
${several ? variantTabs(result) : singleVariant(result)}
${repeat(result)}`,
    data: { name: result.scenario.name, value: pageData(result) },
    program: pageSource(),
  });
}

function head(result: ExperimentResult, several: boolean): Html {
  const profiles = [...new Set(result.variants.map(({ profile }) => `Cilium ${profile.cilium}, kernel ${profile.kernel}`))];
  const longest = result.variants.reduce((most, { durationNs }) => Math.max(most, durationNs), 0);
  const facts = [
    ...profiles,
    `${formatDuration(longest)} simulated`,
    `seed ${result.seed}, run ${result.run}`,
    ...(several ? [`${result.variants.length} variants`] : []),
  ];
  const links: readonly (readonly [id: string, title: string])[] = [
    ["verdict", "Verdict"],
    ...(several ? [["compare", "Side by side"] as const] : []),
    ["details", several ? "Variants" : "Details"],
    ["repeat", "Repeat it"],
  ];
  return pageHeader("report", result.scenario.name, result.scenario.about, facts, links);
}

function verdict(result: ExperimentResult): Html {
  const expectations = result.variants.flatMap((variant) => variant.expectations);
  const expected = expectations.length > 0 && html`<p class="expected">Expectations of the scenario: ${badge(expectations)}</p>`;
  return html`<section id="verdict" aria-labelledby="verdict-title"><h2 id="verdict-title">Verdict</h2>
<p class="headline">${result.verdict.headline}</p>${expected}${findingsList(result.verdict)}${assumptionsList(result.verdict)}</section>`;
}

function singleVariant(result: ExperimentResult): Html {
  return html`<section id="details" aria-labelledby="details-title"><h2 id="details-title">Details</h2>
${result.variants.map((_, index) => variantSection(result, index, false))}</section>`;
}

/** Panels stand one below the other until the script makes tabs of them. */
function variantTabs(result: ExperimentResult): Html {
  const tabs = result.variants.map((variant, index) => {
    const id = panelId(result, index);
    const chosen = index === 0 ? "true" : "false";
    const name = variantName(result, variant);
    return html`<button type="button" role="tab" id="tab-${id}" aria-controls="${id}" aria-selected="${chosen}">${name}</button>`;
  });
  const panels = result.variants.map((_, index) => {
    const id = panelId(result, index);
    return html`<div role="tabpanel" id="${id}" aria-labelledby="tab-${id}" tabindex="0">${variantSection(result, index, true)}</div>
`;
  });
  return html`<section id="details" aria-labelledby="details-title"><h2 id="details-title">Variants</h2>
<div class="tabs" role="tablist" aria-label="Variants">${tabs}</div>
${panels}</section>`;
}

function repeat(result: ExperimentResult): Html {
  const shortened = isShortened(result)
    ? " Series inside the page are shortened to what a chart shows; series.csv has every sample."
    : "";
  return html`<section id="repeat" class="repeat" aria-labelledby="repeat-title"><h2 id="repeat-title">How to repeat it</h2>
${commandBox(result.command)}
<p>The same version, scenario and seed give the same bytes on any machine. Version ${result.ctlab}, seed ${result.seed}, run ${result.run},
scenario <span class="hash">${result.scenario.hash}</span>, fingerprint <span class="hash">${result.fingerprint}</span>.</p>
<p>The figures lie in this file as JSON, in the element <code>script#ctlab-result</code>, in the form of summary.json
(schema ${result.schemaVersion}).${shortened}</p></section>`;
}
