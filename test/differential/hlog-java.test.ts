/** Our histogram logs, read by the reference implementation in Java. Needs a JDK and Debian's libhdrhistogram-java. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { LogLinearCounter } from "../../src/core/log-linear.js";
import { RandomStreams } from "../../src/core/random.js";
import { hdrLog } from "../../src/report/hlog.js";

const JAR = "/usr/share/java/hdrhistogram.jar";
const PROGRAM = fileURLToPath(new URL("ReadHlog.java", import.meta.url));
const PERCENTILES = [0, 50, 90, 99, 99.9, 99.99, 100];

/** Why the comparison can't be made here, undefined when it can. */
function missing(): string | undefined {
  if (!existsSync(JAR)) return `no ${JAR} (apt-get install libhdrhistogram-java)`;
  try {
    const modules = execFileSync("java", ["--list-modules"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return modules.includes("jdk.compiler") ? undefined : "java has no compiler (apt-get install default-jdk-headless)";
  } catch {
    return "no java";
  }
}

const reason = missing();

describe(`histogram log in Java${reason === undefined ? "" : `, skipped: ${reason}`}`, () => {
  it.skipIf(reason !== undefined)("has the same tags, times, counts and percentiles", { timeout: 60_000 }, () => {
    const random = new RandomStreams("hlog").stream("values");
    const intervals = Array.from({ length: 24 }, (_, i) => {
      const counter = new LogLinearCounter(i % 2 === 0 ? 2 : 3, 3600e9);
      for (let n = 0; n < 40 * i; n++) counter.record(Math.floor(random.lognormal(20_000, 2.5)), 1 + random.below(3));
      return { ...(i % 3 === 0 ? {} : { tag: `channel-${i % 3}` }), startNs: i * 250e6, endNs: (i + 1) * 250e6, counter };
    });
    const startMs = 1_753_750_000_000;
    const folder = mkdtempSync(join(tmpdir(), "ctlab-hlog-"));
    try {
      const path = join(folder, "latency.hlog");
      writeFileSync(path, hdrLog(intervals, { startMs }));
      const read = execFileSync("java", ["-cp", JAR, PROGRAM, path], { encoding: "utf8" });
      const expected = intervals.map(({ tag, startNs, endNs, counter }) => {
        const percentiles = PERCENTILES.map((each) => counter.valueAtPercentile(each));
        return [tag ?? "null", startMs + startNs / 1e6, startMs + endNs / 1e6, counter.count, ...percentiles].join(" ");
      });
      expect(read.trimEnd().split("\n")).toEqual(expected);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
