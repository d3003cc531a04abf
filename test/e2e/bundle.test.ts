/**
 * The command line lies in few files, and `ctlab resolve` in one with V8's code: they must be there, be fast, and be the
 * same program.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROOT, scratch } from "./cli.js";

const folder = scratch();
const DIST = join(folder.path, "dist");
afterAll(folder.remove);

/** A copy of what is installed, to take files away from. */
beforeAll(() => {
  mkdirSync(DIST);
  for (const name of ["main.js", "bpf", "chunks", "cilium", "cli", "core", "hubble", "lab", "report", "scenario"]) cpSync(join(ROOT, "dist", name), join(DIST, name), { recursive: true });
  copyFileSync(join(ROOT, "package.json"), join(folder.path, "package.json"));
  symlinkSync(join(ROOT, "node_modules"), join(folder.path, "node_modules"));
});

interface Answer {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(args: readonly string[]): Answer {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(DIST, "main.js"), ...args], { cwd: ROOT, encoding: "utf8" });
  return { code: status, stdout, stderr };
}

const NODE = ["--node", "16cpu,64Gi", "--cilium", "1.18"];
const COMMANDS = [
  ["resolve", "-f", "test/fixtures/helm/values-1.17.yaml", ...NODE],
  ["resolve", "-f", "test/fixtures/helm/values-1.17.yaml", ...NODE, "--json"],
  ["resolve", "-f", "test/fixtures/helm/mistakes.yaml", ...NODE],
  ["resolve", "-f", "test/fixtures/helm/values-1.17.yaml", ...NODE, "--diff-set", "bpf.ctTcpMax=1048576"],
  ["resolve", "--nod", "16cpu"],
  ["resolve", "--help"],
];

describe("the file of ctlab resolve", () => {
  it("comes with V8's code, which V8 takes", () => {
    const script = `import(${JSON.stringify(join(DIST, "cli", "bundle.js"))}).then(({ loadBundle }) => process.stdout.write(String(loadBundle().isCodeTaken)))`;
    expect(execFileSync(process.execPath, ["-e", script], { encoding: "utf8" })).toBe("true");
  });

  it("is left aside when the modules are younger", () => {
    const script = `import(${JSON.stringify(join(DIST, "cli", "bundle.js"))}).then(({ loadBundle }) => process.stdout.write(String(loadBundle())))`;
    const modules = join(DIST, "cli", "program.js");
    const { atime, mtime } = statSync(modules);
    utimesSync(modules, atime, new Date(statSync(join(DIST, "cli", "resolve.cjs")).mtimeMs + 11_000));
    expect(execFileSync(process.execPath, ["-e", script], { encoding: "utf8" })).toBe("null");
    utimesSync(modules, atime, mtime);
  });

  it("answers as the modules do, with V8's code, with code of another V8, and without", () => {
    const bundled = COMMANDS.map(run);
    expect(bundled.map(({ code }) => code)).toEqual([0, 0, 2, 0, 2, 0]);
    const code = join(DIST, "cli", "resolve.cjs.code");
    const foreign = readFileSync(code);
    foreign[4] = foreign[4]! ^ 0xff;
    writeFileSync(code, foreign);
    expect(COMMANDS.map(run)).toEqual(bundled);
    rmSync(code);
    expect(COMMANDS.map(run)).toEqual(bundled);
    rmSync(join(DIST, "cli", "resolve.cjs"));
    expect(COMMANDS.map(run)).toEqual(bundled);
  });
});

describe("the files of the command line", () => {
  const files = [join("cli", "program.js"), ...readdirSync(join(ROOT, "dist", "chunks")).map((name) => join("chunks", name))];
  const held = files.map((file) => {
    const text = readFileSync(join(ROOT, "dist", file), "utf8");
    return { text, packages: new Set([...text.matchAll(/^\/\/.*node_modules\/([\w-]+)\//gm)].map(([, name]) => name!)) };
  });

  it("hold the code of packages with its licence", () => {
    expect(new Set(held.flatMap(({ packages }) => [...packages]))).toEqual(new Set(["commander", "picocolors", "yaml", "zod"]));
    for (const { text, packages } of held) {
      for (const name of packages) {
        const licence = readFileSync(join(ROOT, "node_modules", name, "LICENSE"), "utf8").trim().replaceAll("*/", "* /");
        expect(text).toContain(licence);
      }
    }
  });

  it("leave few modules to be found and opened", () => {
    const { stderr } = spawnSync(process.execPath, [join(ROOT, "dist", "main.js"), "run", "absent.yaml"], {
      encoding: "utf8",
      env: { ...process.env, NODE_DEBUG: "esm" },
    });
    const opened = stderr.match(/^ESM \d+: Storing file:/gm)!.length;
    expect(opened).toBeGreaterThan(2);
    expect(opened).toBeLessThan(120);
  });
});

describe("a reader who has seen enough", () => {
  it.each(["resolve --node 16cpu,64Gi --cilium 1.18 --json", "schema"])("of %s is left alone", (command) => {
    const line = `'${process.execPath}' '${join(ROOT, "dist", "main.js")}' ${command} | head -n 1`;
    for (let turn = 0; turn < 3; turn++) {
      const { stdout, stderr, status } = spawnSync("sh", ["-c", line], { encoding: "utf8" });
      expect({ stdout, stderr, status }).toEqual({ stdout: "{\n", stderr: "", status: 0 });
    }
  });

  it("who takes his time gets everything", () => {
    const nodes = Array.from({ length: 40 }, (_, i) => `--node ${i + 1}cpu,64Gi`).join(" ");
    const line = `'${process.execPath}' '${join(ROOT, "dist", "main.js")}' resolve ${nodes} --cilium 1.18 --json | (sleep 0.5; cat)`;
    const { stdout, stderr } = spawnSync("sh", ["-c", line], { encoding: "utf8", maxBuffer: 2 ** 26 });
    expect(stderr).toBe("");
    expect((JSON.parse(stdout) as { nodes: unknown[] }).nodes).toHaveLength(40);
  });
});
