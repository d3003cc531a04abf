/**
 * The report in a real browser, when one is installed: it runs without a complaint, loads nothing, draws its charts,
 * switches tabs and theme, sorts, states the numbers of the result, fits a phone, and passes axe's accessibility rules.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { formatCount } from "../../src/core/units.js";
import { reportHtml } from "../../src/report/html/page.js";
import { sweepHtml } from "../../src/report/html/sweep-page.js";
import { quantileText } from "../../src/report/wording.js";
import { experimentFixture } from "../fixtures/experiment-result.js";
import { sweepFixture } from "../fixtures/sweep-table.js";
import { BROWSER_PATH, type PageOptions, TestBrowser } from "../support/browser.js";

const result = experimentFixture();
let folder: string;
let url: string;
let browser: TestBrowser;

/** Scrolls through the page, so that every chart comes into view once. */
const SCROLL = `(async () => {
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 10)));
  for (let at = 0; at < document.documentElement.scrollHeight; at += 600) { scrollTo({ top: at, behavior: "instant" }); await frame(); }
  const missing = () => [...document.querySelectorAll("[data-chart]:not([data-drawn])")].filter((chart) => chart.offsetParent !== null);
  for (let tries = 0; tries < 100 && missing().length > 0; tries++) await frame();
})()`;

/** Loads the report, lets `use` look at it, and checks that nothing was complained of or asked for meanwhile. */
async function withPage(options: PageOptions, use: (page: TestBrowser) => Promise<void>, address = url): Promise<void> {
  await browser.show(address, options);
  await browser.evaluate(SCROLL);
  await use(browser);
  expect(browser.complaints).toEqual([]);
  expect(browser.requests.filter((asked) => asked !== address)).toEqual([]);
}

/** What axe-core complains of: rule, how many places, the first of them. */
async function violations(page: TestBrowser): Promise<unknown> {
  await page.evaluate(readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8"));
  return page.evaluate(`axe.run().then(({ violations }) => violations.map(({ id, nodes }) => [id, nodes.length, nodes[0].html.slice(0, 200)]))`);
}

const drawn = `[...document.querySelectorAll("[data-drawn]")].map((chart) => [chart.dataset.chart, chart.querySelectorAll("svg path").length > 3])`;

describe.skipIf(BROWSER_PATH === undefined)("report.html in a browser", () => {
  beforeAll(async () => {
    browser = await TestBrowser.open(BROWSER_PATH!);
    folder = mkdtempSync(join(tmpdir(), "ctlab-page-"));
    writeFileSync(join(folder, "report.html"), reportHtml(result));
    url = `file://${folder}/report.html`;
  });
  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it("draws the charts of what is shown, and those of a tab when it is opened", async () => {
    await withPage({ width: 1280, height: 900, scheme: "light" }, async (page) => {
      const kinds = [
        "comparePressure", "compareLatency", "alerts", "calls", "pressure", "contents", "scraped", "latency", "drops", "histogram", "histogram", "hook", "column",
      ];
      expect(await page.evaluate(drawn)).toEqual(kinds.map((kind) => [kind, true]));
      const open = `[...document.querySelectorAll("[role=tabpanel]")].filter((panel) => !panel.hidden).map((panel) => panel.id)`;
      expect(await page.evaluate(open)).toEqual(["variant-1-as-told"]);
      await page.evaluate(`document.querySelectorAll("[role=tab]")[2].click()`);
      expect(await page.evaluate(open)).toEqual(["variant-3-as-lru"]);
      expect(await page.evaluate("location.hash")).toBe("#variant-3-as-lru");
      await page.evaluate(SCROLL);
      expect((await page.evaluate<unknown[]>(drawn)).length).toBeGreaterThan(kinds.length);
      await page.evaluate(`document.querySelector("[role=tab]").click()`);
      expect(await violations(page)).toEqual([]);
    });
  });

  it("states the result's numbers, in the text and in the data", async () => {
    await withPage({ width: 1280, height: 900, scheme: "light" }, async (page) => {
      const column = `[...document.querySelectorAll("#compare tbody tr")].map((row) => row.children[1].firstChild.textContent)`;
      const shown = await page.evaluate<string[]>(column);
      const [asTold] = result.variants;
      expect(shown).toContain(quantileText(asTold!.synLatency["inside"]!, "p99Ns"));
      expect(shown).toContain(formatCount(asTold!.drops[0]!.count));
      const data = await page.evaluate<typeof result>(`JSON.parse(document.getElementById("ctlab-result").textContent)`);
      expect(data.variants.map(({ counts, maps, drops }) => ({ counts, maps, drops }))).toEqual(
        result.variants.map(({ counts, maps, drops }) => ({ counts, maps, drops })),
      );
      expect(await page.evaluate(`document.querySelector(".headline").textContent`)).toBe(result.verdict.headline);
    });
  });

  it("sorts tables, up and down, by value and not by text", async () => {
    await withPage({ width: 1280, height: 900, scheme: "dark" }, async (page) => {
      const table = `[...document.querySelectorAll("table")].find((one) => one.caption.textContent === "GC runs")`;
      const deleted = `[...${table}.querySelectorAll("tbody tr")].map((row) => Number(row.children[4].dataset.key))`;
      const click = `${table}.querySelectorAll("th button")[4].click()`;
      const values = result.variants[0]!.gcRuns.map((run) => run.deleted);
      expect(await page.evaluate(deleted)).toEqual(values);
      await page.evaluate(click);
      expect(await page.evaluate(deleted)).toEqual([...values].sort((a, b) => a - b));
      await page.evaluate(click);
      expect(await page.evaluate(deleted)).toEqual([...values].sort((a, b) => b - a));
      expect(await page.evaluate(`${table}.querySelectorAll("th")[4].getAttribute("aria-sort")`)).toBe("descending");
    });
  });

  it("is dark where the system is, and turns when told; charts follow", async () => {
    await withPage({ width: 1280, height: 900, scheme: "dark" }, async (page) => {
      const look = `[getComputedStyle(document.body).backgroundColor, document.querySelector(".plot svg text").getAttribute("fill")]`;
      const dark = await page.evaluate<string[]>(look);
      await page.evaluate(`document.getElementById("theme").click()`);
      const light = await page.evaluate<string[]>(look);
      expect(dark[0]).toBe("rgb(15, 19, 23)");
      expect(light[0]).toBe("rgb(246, 247, 249)");
      expect(light[1]).not.toBe(dark[1]);
    });
  });

  it("obeys its controls", async () => {
    await withPage({ width: 1280, height: 900, scheme: "light" }, async (page) => {
      const labels = (id: string): string => `[...document.querySelectorAll("#${id} svg text")].map((label) => label.textContent)`;
      const pressure = "compare-pressure";
      expect(await page.evaluate<string[]>(labels(pressure))).not.toContain("0 %");
      await page.evaluate(`document.querySelector("[data-for=${pressure}]").click()`);
      expect(await page.evaluate<string[]>(labels(pressure))).toContain("0 %");
      const column = "variant-1-as-told-column";
      await page.evaluate(`{
        const select = document.querySelector("select[data-for=${column}]");
        select.value = "connections_open";
        select.dispatchEvent(new Event("change"));
      }`);
      expect(await page.evaluate<string[]>(labels(column))).toContain("connections_open");
    });
  });

  it("of a sweep shows one figure at a time, sorts its points, and fits a phone", async () => {
    const table = sweepFixture();
    const moving = table.rows.map((row, at) => ({ ...row, figures: row.figures.map((figure) => ({ ...figure, mean: figure.mean! * (1 + at / 10) })) }));
    writeFileSync(join(folder, "sweep.html"), sweepHtml({ ...table, rows: moving }));
    await withPage({ width: 390, height: 844, scheme: "dark" }, async (page) => {
      expect(await page.evaluate(drawn)).toEqual([["sweep", true]]);
      const shown = `[...document.querySelectorAll("[data-beside]")].filter((one) => !one.hidden).map((one) => one.dataset.value)`;
      expect(await page.evaluate(shown)).toEqual(["syn_latency_p99"]);
      await page.evaluate(`{
        const select = document.querySelector("select[data-for=sweep-chart]");
        select.value = "evictions_live";
        select.dispatchEvent(new Event("change"));
      }`);
      expect(await page.evaluate(shown)).toEqual(["evictions_live"]);
      const points = `[...document.querySelectorAll("#points tbody tr")].map((row) => row.children[0].textContent)`;
      await page.evaluate(`[...document.querySelectorAll("#points th button")].at(-1).click()`);
      expect(await page.evaluate(points)).toEqual(["2", "0", "3", "1"]);
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(390);
      expect(await violations(page)).toEqual([]);
    }, `file://${folder}/sweep.html`);
  });

  it.each(["light", "dark"] as const)("fits a phone, %s", async (scheme) => {
    await withPage({ width: 390, height: 844, scheme }, async (page) => {
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(390);
      const small = `[...document.querySelectorAll("p, dd, dt, td, th, li, button, figcaption, summary")]
        .filter((one) => one.offsetParent !== null && parseFloat(getComputedStyle(one).fontSize) < 13).map((one) => one.outerHTML)`;
      expect(await page.evaluate(small)).toEqual([]);
    });
  });
});
