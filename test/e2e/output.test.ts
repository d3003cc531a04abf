/** Where the report goes: places that can't take it give one clear line and are left as they were. */
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { ctlab, ctlabHere, scratch } from "./cli.js";

const folder = scratch();
afterAll(folder.remove);
const RUN = ["run", "scenarios/ct-exhaustion.yaml", "--variant", "fixed", "--quiet"];

describe("a place that can't take a run", () => {
  it("is a file: exit 2, the file is untouched", async () => {
    const target = join(folder.path, "file");
    writeFileSync(target, "mine");
    const { code, stderr } = await ctlabHere([...RUN, "--out", target]);
    expect(code).toBe(2);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(readFileSync(target, "utf8")).toBe("mine");
  });

  it("is a folder with somebody's files: exit 2, nothing is added", async () => {
    const target = join(folder.path, "theirs");
    mkdirSync(target);
    writeFileSync(join(target, "notes.txt"), "mine");
    const { code } = await ctlabHere([...RUN, "--out", target]);
    expect(code).toBe(2);
    expect(readdirSync(target)).toEqual(["notes.txt"]);
  });

  it.skipIf(process.getuid?.() === 0)("is read-only: exit 2, nothing is left", async () => {
    const parent = join(folder.path, "locked");
    mkdirSync(parent);
    chmodSync(parent, 0o500);
    const { code, stderr } = await ctlabHere([...RUN, "--out", join(parent, "run")]);
    expect(code).toBe(2);
    expect(stderr).toContain("no permission to write here");
    expect(readdirSync(parent)).toEqual([]);
  });

  it("lies below a file: exit 2 with one line", async () => {
    const file = join(folder.path, "below");
    writeFileSync(file, "mine");
    const { code, stderr } = await ctlabHere([...RUN, "--out", join(file, "run")]);
    expect(code).toBe(2);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });
});

describe("usage", () => {
  it("offers the nearest variant, command and kind", async () => {
    const variant = await ctlabHere(["run", "scenarios/ct-exhaustion.yaml", "--variant", "fixd", "--out", join(folder.path, "x")]);
    expect(variant.code).toBe(2);
    expect(variant.stderr).toContain("fixed");
    expect(existsSync(join(folder.path, "x"))).toBe(false);
    const command = await ctlabHere(["rn", "x.yaml"]);
    expect(command.code).toBe(2);
    expect(command.stderr).toContain("run");
    const kind = await ctlabHere(["verify", "map", "x"]);
    expect(kind.code).toBe(2);
    expect(kind.stderr).toContain('Did you mean "maps"?');
  });

  it("says its version and how to use it", async () => {
    expect((await ctlab(["--version"])).stdout.trim()).toMatch(/^\d+\.\d+\.\d+$/);
    const help = await ctlabHere(["run", "--help"]);
    expect(help.code).toBe(0);
    expect(help.stdout).toContain("Examples:");
  });
});
