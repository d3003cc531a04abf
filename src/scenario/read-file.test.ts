import { chmodSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { loadScenario } from "./load.js";
import { INPUT_BYTES_MAX, readInput, type ReadResult } from "./read-file.js";

const folder = mkdtempSync(join(tmpdir(), "ctlab-read-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

function refusal(path: string): Extract<ReadResult, { ok: false }> {
  const result = readInput(path);
  if (result.ok) throw new Error("the file was read");
  return result;
}

describe("a readable file", () => {
  it("is its text, without a byte order mark", () => {
    const result = readInput(file("bom.yaml", Buffer.from([0xef, 0xbb, 0xbf, 0x61, 0x3a, 0x20, 0x31])));
    expect(result.ok && result.source.text).toBe("a: 1");
  });

  it("may be as large as the limit", () => {
    expect(readInput(file("limit.yaml", "#".repeat(INPUT_BYTES_MAX))).ok).toBe(true);
  });
});

describe("a file that can't be read", () => {
  it("is missing: with the nearest name of its folder", () => {
    file("incident.yaml", "");
    expect(refusal(join(folder, "incdient.yaml"))).toEqual({
      ok: false,
      message: "can't be opened: no such file",
      nearest: join(folder, "incident.yaml"),
    });
    expect(refusal(join(folder, "none", "x.yaml"))).toMatchObject({ message: "can't be opened: no such file", nearest: undefined });
  });

  it("is a directory", () => {
    expect(refusal(folder)).toMatchObject({ message: "is a directory", expected: "a file" });
  });

  it("is too large, whatever its size is said to be", () => {
    const path = file("large.yaml", "");
    truncateSync(path, 50 * 1024 * 1024);
    expect(refusal(path)).toMatchObject({ message: "is too large (50.0 MiB)" });
    expect(refusal("/dev/zero")).toMatchObject({ message: "is too large" });
  });

  it("is not UTF-8: with the place of the first bad byte", () => {
    const result = refusal(file("latin.yaml", Buffer.from("a: 1\nb: caf\u00e9\n", "latin1")));
    expect(result.message).toBe("is not UTF-8 text: byte 0xe9");
    expect(result.at!.source.position(result.at!.start)).toEqual({ line: 2, column: 7 });
    expect(refusal(file("utf16.yaml", Buffer.from("\ufeffa: 1", "utf16le"))).message).toBe("is UTF-16 text");
  });

  it.skipIf(process.getuid?.() === 0)("is not allowed to be read", () => {
    const path = file("secret.yaml", "a: 1");
    chmodSync(path, 0o000);
    expect(refusal(path).message).toBe("can't be opened: permission denied");
  });
});

describe("a scenario file", () => {
  it("that is a directory, empty, or only a comment is reported with its place", () => {
    mkdirSync(join(folder, "sub"));
    expect(() => loadScenario(join(folder, "sub"))).toThrow(/sub:1:1: error: the scenario is a directory\n {3}expected a file/);
    expect(() => loadScenario(file("empty.yaml", ""))).toThrow(
      /empty.yaml:1:1: error: the file is empty\n {3}1 \|\n {5}\| \^\n {3}expected a scenario/,
    );
    expect(() => loadScenario(file("comment.yaml", "# nothing\n"))).toThrow(/the file is empty/);
    expect(() => loadScenario(file("null.yaml", "~\n"))).toThrow(/the file is empty/);
  });

  it("finds its values files beside itself", () => {
    file("values.yaml", "routingMode: native\nbpf: { natMax: 2048 }\n");
    const path = file(
      "s.yaml",
      'apiVersion: ctlab/v1\nname: x\nprofile: { cilium: "1.19", kernel: "6.12" }\nduration: 1m\nhelm: { values: values.yaml }\n',
    );
    const { base } = loadScenario(path);
    expect(base.helm.settings.natMax).toBe(2048);
    expect(base.helm.files).toEqual([join(folder, "values.yaml")]);
  });
});
