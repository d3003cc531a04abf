/** The page as text: self-contained, well-formed where it matters, equal to the result, the same bytes every time. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { experimentFixture } from "../../../test/fixtures/experiment-result.js";
import { formatCount, formatDuration } from "../../core/units.js";
import type { ExperimentResult } from "../../observe/result.js";
import { bucketLabel } from "../hook-text.js";
import { quantileText, shareText } from "../wording.js";
import { makeWording } from "./client/wording.js";
import { html, raw, scriptJson } from "./markup.js";
import { reportHtml } from "./page.js";
import { isShortened, joinBuckets, pageData, thin } from "./page-data.js";
import { chartLibrarySource, pageSource } from "./scripts.js";
import { DARK, LIGHT } from "./style.js";

const result = experimentFixture();
const page = reportHtml(result);
/** The page without its scripts and styles. */
const body = page.replace(/<script[\s\S]*?<\/script>/g, "").replace(/<style[\s\S]*?<\/style>/g, "");

function embedded(text: string): ExperimentResult {
  const found = /<script type="application\/json" id="ctlab-result"[^>]*>([\s\S]*?)<\/script>/.exec(text);
  return JSON.parse(found![1]!) as ExperimentResult;
}

describe("the file", () => {
  it("is small, names nothing outside itself, and forbids loading", () => {
    expect(Buffer.byteLength(page)).toBeLessThan(2_500_000);
    expect(body.match(/\b(?:src|href|action|poster)="(?!#)[^"]*"/g)).toBeNull();
    expect(body).not.toMatch(/url\(|@import|<link|<iframe|<img/);
    expect(page).toContain("default-src &#39;none&#39;");
    expect(page.startsWith('<!doctype html>\n<html lang="en">')).toBe(true);
  });

  it("has the same bytes for the same result", () => {
    expect(reportHtml(experimentFixture()) === page).toBe(true);
  });

  it("holds the result as data: every figure as in the result, only long lists shortened", () => {
    const data = embedded(page);
    expect({ ...data, variants: [] }).toEqual({ ...result, variants: [] });
    data.variants.forEach((variant, index) => {
      const { series, synLatency, requestLatency, ...figures } = variant;
      const { series: whole, synLatency: syn, requestLatency: _request, ...original } = result.variants[index]!;
      expect(figures).toEqual(original);
      expect(series.columns.length).toBeLessThanOrEqual(whole.columns.length);
      const withoutBuckets = (latencies: typeof syn): unknown =>
        Object.values(latencies).map((summary) => ({ ...summary, buckets: [] }));
      expect(withoutBuckets(synLatency)).toEqual(withoutBuckets(syn));
      expect(Object.keys(requestLatency)).toEqual(["all", "inside", "outside"]);
    });
    expect(isShortened(result)).toBe(true);
  });

  it("states the verdict before anything else, and the figures that the result has", () => {
    const headline = body.indexOf("its conntrack maps are LRU maps");
    expect(headline).toBeGreaterThan(0);
    expect(headline).toBeLessThan(body.indexOf("<table"));
    for (const { synLatency, drops } of result.variants) {
      expect(body).toContain(`>${quantileText(synLatency["inside"]!, "p99Ns")}<`);
      for (const { count, reason, code } of drops) {
        expect(body).toContain(`>${formatCount(count)}<`);
        expect(body).toContain(`${reason} (${code}`);
      }
    }
  });
});

describe("markup", () => {
  it("has unique ids, and every reference to one resolves", () => {
    const ids = [...body.matchAll(/ id="([^"]+)"/g)].map((match) => match[1]!);
    expect(new Set(ids).size).toBe(ids.length);
    const references = [...body.matchAll(/ (?:aria-labelledby|aria-describedby|aria-controls|data-for|href)="#?([^"]+)"/g)];
    expect(references.length).toBeGreaterThan(60);
    for (const [, id] of references) expect(ids).toContain(id);
  });

  it("has one h1, headings that skip no level, landmarks, and headers with a scope", () => {
    const levels = [...body.matchAll(/<h([1-6])/g)].map((match) => Number(match[1]));
    expect(levels.filter((level) => level === 1).length).toBe(1);
    levels.forEach((level, at) => expect(level - (levels[at - 1] ?? 0)).toBeLessThanOrEqual(1));
    for (const landmark of ["<header", "<nav", "<main", "<footer"]) expect(body.split(landmark).length).toBe(2);
    expect(body.match(/<th(?! scope=)[\s>]/g)).toBeNull();
    expect(body.match(/<table>(?!<caption)/g)).toBeNull();
  });

  it("closes what it opens", () => {
    for (const name of [
      "div",
      "section",
      "table",
      "tr",
      "td",
      "th",
      "figure",
      "dl",
      "ul",
      "li",
      "button",
      "details",
      "p",
      "small",
      "span",
    ]) {
      const opened = body.match(new RegExp(`<${name}[\\s>]`, "g"))?.length ?? 0;
      expect([name, body.split(`</${name}>`).length - 1]).toEqual([name, opened]);
    }
  });

  it("gives every chart a name and a text with figures", () => {
    const charts = [...body.matchAll(/data-chart="(\w+)"[^>]*role="img"[^>]*aria-describedby="([^"]+)"/g)];
    expect(new Set(charts.map((match) => match[1]))).toEqual(
      new Set([
        "comparePressure", "compareLatency", "alerts", "calls", "pressure", "contents", "scraped", "latency", "drops", "histogram", "hook", "column",
      ]),
    );
    for (const [, , note] of charts) expect(body).toMatch(new RegExp(`<figcaption id="${note}">[^<]*\\d[^<]*</figcaption>`));
  });

  it("escapes what comes from outside, in text, attributes and data", () => {
    const evil = "</script><script>alert(1)</script>\"'&<!--\u2028";
    const attacked = reportHtml({
      ...result,
      scenario: { ...result.scenario, name: evil, about: evil },
      command: evil,
      verdict: { headline: evil, findings: [{ label: evil, text: evil }], assumptions: [evil] },
      variants: result.variants.slice(0, 2).map((variant) => ({ ...variant, name: variant.name + evil, about: evil })),
    });
    const scripts = [...page.matchAll(/<script/g)].length;
    expect([...attacked.matchAll(/<script/g)].length).toBe(scripts);
    expect(attacked).not.toContain('alert(1)</script>"');
    expect(embedded(attacked).scenario.name).toBe(evil);
    expect(html`<p title="${'a"b'}">${["<", raw("<b>"), undefined, false, 0]}</p>`.markup).toBe('<p title="a&quot;b">&lt;<b>0</p>');
    expect(() => scriptJson({ a: Number.NaN })).toThrow(/NaN/);
  });

  it("is plain with one variant: no comparison, no tabs; says so when the run was cut short", () => {
    const single = reportHtml({ ...experimentFixture({ variants: 1 }), partial: true });
    expect(single).not.toContain('role="tab"');
    expect(single).not.toContain('id="compare"');
    expect(single).toContain("The run was interrupted");
    expect(page).not.toContain("The run was interrupted");
  });

  it("holds for a run in which nothing happened", () => {
    const [first] = result.variants;
    const none = first!.synLatency["all"]!;
    const still = {
      ...none,
      count: 0,
      minNs: null,
      meanNs: null,
      p50Ns: null,
      p90Ns: null,
      p99Ns: null,
      p999Ns: null,
      maxNs: null,
      buckets: [],
    };
    const quiet = reportHtml({
      ...result,
      verdict: { headline: "Nothing happened.", findings: [], assumptions: [] },
      variants: [
        {
          ...first!,
          windows: [],
          synLatency: { all: still },
          requestLatency: {},
          drops: [],
          maps: [],
          gcRuns: [],
          hooks: [],
          expectations: [],
          series: { stepNs: 1e9, timeNs: [], columns: [] },
          contents: [],
          scraped: { timeNs: [], maps: [] },
          calls: { spanNs: 0, edges: [] },
          histograms: [],
          alerts: { evaluator: null, reason: "no Prometheus", rules: [] },
        },
      ],
    });
    expect(quiet).toContain("GC did not run.");
    for (const missing of ["no scrape had the series", "no map evicted an entry", "SNAT looked for none"]) expect(quiet).toContain(missing);
    expect(quiet).toContain("none in 4,401,220");
    expect(quiet).not.toMatch(/data-chart="/);
  });
});

describe("shortened data", () => {
  it("keeps sums of counts and peaks of levels", () => {
    const { series } = result.variants[0]!;
    const short = thin(series);
    expect(short.timeNs.length).toBeLessThanOrEqual(720);
    const values = (of: typeof series, name: string): readonly number[] =>
      of.columns.find((column) => column.name === name)!.values;
    const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
    expect(sum(values(short, "drops_155"))).toBe(sum(values(series, "drops_155")));
    expect(Math.max(...values(short, "ct4_global_entries"))).toBe(524_288);
    expect(short.columns.some(({ name }) => name.endsWith("_pressure"))).toBe(false);
    for (const column of short.columns) expect(column.values.length).toBe(short.timeNs.length);
  });

  it("joins latency buckets without losing a sample or widening one beyond 2 %", () => {
    for (const { synLatency } of result.variants) {
      const { buckets } = synLatency["all"]!;
      const joined = joinBuckets(buckets);
      expect(joined.length).toBeLessThan(buckets.length / 2);
      expect(joined.reduce((sum, [, , count]) => sum + count, 0)).toBe(synLatency["all"]!.count);
      joined.forEach(([low, high], at) => {
        expect(high - low).toBeLessThanOrEqual(low * 0.02);
        if (at > 0) expect(low).toBeGreaterThan(joined[at - 1]![1]);
      });
    }
  });

  it("leaves short series alone", () => {
    const series = { stepNs: 1, timeNs: [0, 1], columns: [{ name: "a_pressure", unit: "ratio", values: [0.1, 0.2] }] };
    expect(thin(series)).toEqual(series);
  });
});

describe("figures in the browser", () => {
  const wording = makeWording();

  it("are worded as everywhere else", () => {
    fc.assert(
      fc.property(fc.oneof(fc.nat(), fc.maxSafeNat(), fc.double({ min: 0, max: 1e13, noNaN: true })), (value) => {
        expect(wording.duration(value)).toBe(formatDuration(value));
      }),
      { numRuns: 2000 },
    );
    for (const seconds of [119.999, 120, 3600, 3601, 7200, 86_400])
      expect(wording.duration(seconds * 1e9)).toBe(formatDuration(seconds * 1e9));
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.double({ min: 0, max: 1, noNaN: true }), (count, share) => {
        expect(wording.count(count)).toBe(formatCount(count));
        expect(wording.share(share)).toBe(shareText(share));
      }),
      { numRuns: 2000 },
    );
    for (let power = 0; power < 45; power++) expect(wording.bucket(2 ** power)).toBe(bucketLabel(2 ** power));
    expect(wording.bucket(0)).toBe(bucketLabel(0));
    expect([0, 59, 60, 750, 3600, 3661].map(wording.moment)).toEqual(["0", "59s", "1m", "12m30s", "1h", "1h1m1s"]);
  });
});

describe("scripts", () => {
  it("carry the chart library with its licence, and end no script element early", () => {
    expect(chartLibrarySource()).toContain("Licensed to the Apache Software Foundation");
    for (const source of [chartLibrarySource(), pageSource()]) {
      expect(source).not.toMatch(/<\/script|<!--/i);
      expect(source).not.toContain("sourceMappingURL");
    }
  });

  it("are programs on their own", () => {
    expect(() => new Function(pageSource())).not.toThrow();
    // Names that only a bundler or a test runner would know.
    expect(pageSource()).not.toMatch(/__vi_|__name|import\s*\(|\brequire\(/);
  });
});

describe("colours", () => {
  /** Relative luminance, WCAG 2.2. */
  function luminance(hex: string): number {
    const parts = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255);
    const [r, g, b] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)) as [
      number,
      number,
      number,
    ];
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }
  const contrast = (a: string, b: string): number => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
    return (high + 0.05) / (low + 0.05);
  };

  it.each([
    ["light", LIGHT],
    ["dark", DARK],
  ] as const)("%s: text and chart lines stand out from their ground", (_name, set) => {
    for (const ground of ["ground", "surface"]) {
      for (const text of ["ink", "muted", "accent", "mark"])
        expect(contrast(set[text]!, set[ground]!), `${text} on ${ground}`).toBeGreaterThanOrEqual(4.5);
    }
    for (const kind of ["good", "bad", "unsure"])
      expect(contrast(set[kind]!, set[`${kind}-ground`]!), kind).toBeGreaterThanOrEqual(4.5);
    for (const line of ["c1", "c2", "c3", "c4", "c5", "c6", "gc", "gc-signal"]) {
      expect(contrast(set[line]!, set["surface"]!), line).toBeGreaterThanOrEqual(3);
    }
  });

  it("are the same names in both sets", () => {
    expect(Object.keys(DARK)).toEqual(Object.keys(LIGHT));
  });
});

describe("pageData", () => {
  it("does not touch what it was given", () => {
    const before = JSON.stringify(result);
    pageData(result);
    expect(JSON.stringify(result) === before).toBe(true);
  });
});
