/** Debian's `prometheus` with its `promtool`, optional counterparts of tests; and a reader of what ctlab writes for them. */
import { execFileSync, spawnSync } from "node:child_process";

/** False where they are not installed; tests that need them are skipped then. */
export const HAS_PROMETHEUS = ["promtool", "prometheus"].every((name) => spawnSync(name, ["--version"]).status === 0);

/** Runs promtool and gives what it prints, both streams; throws when it fails. */
export function promtool(args: readonly string[], input = ""): string {
  return execFileSync("promtool", args, { input, encoding: "utf8", stdio: ["pipe", "pipe", "pipe"] });
}

/** Samples by series: Unix seconds and value. Series may come in any order, time rises. */
export type Exposition = ReadonlyMap<string, readonly (readonly [atS: number, value: number])[]>;

/** Reads OpenMetrics text with time stamps; throws for a line that is neither sample nor metadata. */
export function readExposition(text: string): Exposition {
  const series = new Map<string, (readonly [number, number])[]>();
  const lines = text.split("\n");
  if (lines.pop() !== "" || lines.pop() !== "# EOF") throw new Error("the text does not end with # EOF");
  for (const line of lines) {
    if (/^# (HELP|TYPE) [a-zA-Z_:][a-zA-Z0-9_:]* .+$/.test(line)) continue;
    const sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*(?:\{.*\})?) (\S+) (\d+(?:\.\d{3})?)$/.exec(line);
    if (sample === null) throw new Error(`not a sample: ${line}`);
    const [, name, value, at] = sample;
    const samples = series.get(name!) ?? [];
    if (samples.length > 0 && samples.at(-1)![0] >= Number(at)) throw new Error(`time does not rise: ${line}`);
    samples.push([Number(at), Number(value)]);
    series.set(name!, samples);
  }
  return series;
}

/** When an alert was active: evaluations from `startNs` up to, not including, `endNs`. */
export interface ExpectedSpan {
  readonly labels: Readonly<Record<string, string>>;
  readonly state: "pending" | "firing";
  readonly startNs: number;
  readonly endNs: number;
}

/**
 * A test file for `promtool test rules`: at each evaluation the rule manager of a real Prometheus must have exactly these
 * alerts pending and firing. `values`: one for each step of a series, undefined where it is gone.
 */
export function ruleTest(
  ruleFile: string,
  stepS: number,
  series: readonly { readonly name: string; readonly values: readonly (number | undefined)[] }[],
  evaluations: { readonly everyS: number; readonly endS: number },
  expected: readonly ExpectedSpan[],
): string {
  const times = Array.from({ length: Math.floor(evaluations.endS / evaluations.everyS) + 1 }, (_, n) => n * evaluations.everyS);
  const samplesAt = (second: number): unknown[] =>
    expected
      .filter(({ startNs, endNs }) => startNs <= second * 1e9 && second * 1e9 < endNs)
      .map(({ labels, state }) => {
        const all = Object.entries({ ...labels, alertstate: state }).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
        return { labels: `ALERTS{${all.join(",")}}`, value: 1 };
      });
  return JSON.stringify({
    rule_files: [ruleFile],
    evaluation_interval: `${evaluations.everyS}s`,
    tests: [
      {
        interval: `${stepS}s`,
        input_series: series.map(({ name, values }) => ({ series: name, values: values.map(valueText).join(" ") })),
        promql_expr_test: times.map((second) => ({ expr: "ALERTS", eval_time: `${second}s`, exp_samples: samplesAt(second) })),
      },
    ],
  });
}

/** Promtool knows markers of series that are gone, as a scraping server writes them. */
function valueText(value: number | undefined, at: number, all: readonly (number | undefined)[]): string {
  if (value !== undefined) return String(value);
  return at > 0 && all[at - 1] !== undefined ? "stale" : "_";
}
