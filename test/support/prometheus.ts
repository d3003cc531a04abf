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
