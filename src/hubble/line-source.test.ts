import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LINE_BYTES_MAX, LineSplitter, fileLines } from "./line-source.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ctlab-lines-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function all(path: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { lines } of fileLines(path)) found.push(...lines);
  return found;
}

describe("LineSplitter", () => {
  it("gives the same lines however the bytes are cut", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("a", "é", "\n", "\u{1f600}") }), fc.array(fc.nat(20)), (text, cuts) => {
        const bytes = Buffer.from(text);
        const splitter = new LineSplitter();
        const lines: string[] = [];
        let at = 0;
        for (const cut of cuts) {
          lines.push(...splitter.push(bytes.subarray(at, at + cut)).lines);
          at += cut;
        }
        lines.push(...splitter.push(bytes.subarray(at)).lines, ...splitter.finish().lines);
        expect(lines).toEqual(text.endsWith("\n") || text === "" ? text.split("\n").slice(0, -1) : text.split("\n"));
      }),
    );
  });

  it("passes over lines that are too long", () => {
    const splitter = new LineSplitter();
    const piece = Buffer.alloc(LINE_BYTES_MAX / 2 + 1, 0x61);
    expect(splitter.push(Buffer.from("a\n"))).toEqual({ lines: ["a"], tooLong: 0 });
    splitter.push(piece);
    splitter.push(piece);
    expect(splitter.push(Buffer.from("aaa\nb\nc"))).toEqual({ lines: ["b"], tooLong: 1 });
    expect(splitter.finish()).toEqual({ lines: ["c"], tooLong: 0 });
  });
});

describe("fileLines", () => {
  it("reads plain and gzip files, with or without a last newline", async () => {
    writeFileSync(join(folder, "plain"), "a\nb");
    writeFileSync(join(folder, "zipped"), gzipSync("a\nb\n"));
    writeFileSync(join(folder, "empty"), "");
    expect(await all(join(folder, "plain"))).toEqual(["a", "b"]);
    expect(await all(join(folder, "zipped"))).toEqual(["a", "b"]);
    expect(await all(join(folder, "empty"))).toEqual([]);
    writeFileSync(join(folder, "marked"), "\ufeffa\n\ufeffb\n");
    expect(await all(join(folder, "marked")), "a byte order mark before the text is none of it").toEqual(["a", "\ufeffb"]);
    await expect(all(join(folder, "missing"))).rejects.toThrow(/ENOENT/);
  });

  it("follows a file that grows, is cut, and is replaced", async () => {
    const path = join(folder, "growing");
    writeFileSync(path, "1\n2");
    const steps = [
      () => appendFileSync(path, "2\n"),
      () => writeFileSync(path, "3\n"),
      () => {
        writeFileSync(`${path}.new`, "4\n5\n6\n");
        renameSync(`${path}.new`, path);
      },
      // An exporter rotates: what it wrote last lies under another name by now.
      () => {
        appendFileSync(path, "7\n");
        renameSync(path, `${path}.old`);
        writeFileSync(path, "8\n");
      },
    ];
    const end = new AbortController();
    const onIdle = (): void => (steps.length === 0 ? end.abort() : steps.shift()!());
    const found: string[] = [];
    for await (const { lines } of fileLines(path, { signal: end.signal, onIdle })) found.push(...lines);
    expect(found).toEqual(["1", "22", "3", "4", "5", "6", "7", "8"]);
  });
});
