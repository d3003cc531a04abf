/**
 * `ctlab verify testbed --live` through the built command line. Runs where namespaces and programs can be made (Linux, root,
 * iproute2, koffi); elsewhere it says what is missing and is skipped.
 */
import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, expect, it } from "vitest";
import type { LiveTestbedReport } from "../../src/lab/live/verify-testbed.js";
import { inspectMachine } from "../../src/lab/live/machine.js";
import { isUnavailable, openKernel } from "../../src/lab/live/syscall.js";
import { ctlab } from "./cli.js";

const kernel = await openKernel();
const machine = isUnavailable(kernel) ? kernel : inspectMachine(kernel);
const probe = isUnavailable(machine) ? undefined : await ctlab(["verify", "testbed", "--live", "--seconds", "10", "--json"]);
const missing = isUnavailable(machine) ? machine.message : probe!.code === 4 ? probe!.stderr.trim() : undefined;
if (missing !== undefined) console.warn(`live testbed skipped: ${missing}`);

/** What experiments of that process, or of any, have left behind. */
function remains(pid: number | undefined): readonly string[] {
  const names = [...list("/run/netns"), ...list(tmpdir())];
  return names.filter((name) => new RegExp(`^ctlab-(${pid}-(client|server)|bpf-${pid})$`).test(name));
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

describe.skipIf(missing !== undefined)("the testbed on this machine", () => {
  it("fills up, refuses, and lets in again as the simulation says, as far as a busy machine keeps time", () => {
    const { code, stdout, stderr } = probe!;
    expect(stderr).toBe("");
    const report = JSON.parse(stdout) as LiveTestbedReport;
    expect(code).toBe(report.held ? 0 : 3);
    expect(report.connections).toBeGreaterThan(500);
    const of = (name: string): LiveTestbedReport["measures"][number] => report.measures.find((measure) => measure.name.startsWith(name))!;
    expect(of("SYN drop fraction").recorded).toBeGreaterThan(0.3);
    for (const name of ["occupancy", "SYN drop fraction", "connections that lost"]) expect(of(name).distance).toBeLessThan(0.1);
    expect(of("SYN retransmission 1").recorded).toBeCloseTo(1.016, 1);
  });

  it("takes everything down when it is interrupted", { timeout: 30_000 }, async () => {
    let pid: number | undefined;
    let standing: readonly string[] = [];
    const { code, stderr } = await ctlab(["verify", "testbed", "--live", "--seconds", "60"], {
      onStart: (child) => {
        pid = child.pid;
        setTimeout(() => {
          standing = remains(pid);
          child.kill("SIGINT");
        }, 3000);
      },
    });
    expect(standing).toHaveLength(3);
    expect([code, stderr]).toEqual([130, "ctlab: interrupted; everything that was built for the experiment is taken down\n"]);
    expect(remains(pid)).toEqual([]);
  });
});

describe("ctlab verify testbed --live", () => {
  it.each(["9", "301"])("takes 10 to 300 seconds, not %s", async (seconds) => {
    const { code, stderr } = await ctlab(["verify", "testbed", "--live", "--seconds", seconds]);
    expect(code).toBe(2);
    expect(stderr).toBe(`ctlab: --seconds takes 10 to 300, not ${seconds}.\n`);
  });
});
