import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BulkStream } from "./bulk-stream.js";
import { FileStream } from "./file-stream.js";
import { OutputError, outputError } from "./output-error.js";
import { MANIFEST_FORMAT, RunFolder } from "./run-folder.js";

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "ctlab-run-folder-"));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

/** Everything below a folder, hidden files too, with `/`. */
function tree(folder: string, prefix = ""): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => (entry.isDirectory() ? tree(join(folder, entry.name), `${prefix}${entry.name}/`) : [prefix + entry.name]))
    .sort();
}

function writeManifest(folder: RunFolder): void {
  folder.write("manifest.json", JSON.stringify({ format: MANIFEST_FORMAT, files: folder.files() }));
}

/** A committed run with one text in `summary.md` and any other files. */
function writeRun(dir: string, text: string, others: readonly string[] = []): void {
  const folder = RunFolder.create(dir);
  folder.write("summary.md", text);
  for (const name of others) folder.write(name, text);
  writeManifest(folder);
  folder.commit();
}

function faultOf(run: () => unknown): OutputError {
  try {
    run();
  } catch (error) {
    if (error instanceof OutputError) return error;
    throw error;
  }
  throw new Error("no OutputError was thrown");
}

describe("a new folder", () => {
  it("appears at commit, whole, with sub-folders and streams", () => {
    const dir = join(base, "a/b/run");
    const folder = RunFolder.create(dir);
    folder.write("summary.md", "text");
    folder.write("as-told/series.csv", new Uint8Array([65, 66]));
    const stream = folder.stream("as-told/flows.jsonl");
    stream.write("ü");
    stream.write(new Uint8Array([10]));
    stream.close();
    const byWorker = new FileStream(folder.place("fixed/flows.jsonl"));
    byWorker.write("line\n");
    byWorker.close();
    expect(existsSync(dir)).toBe(false);
    writeManifest(folder);
    folder.commit();
    expect(tree(base)).toEqual(
      ["as-told/flows.jsonl", "as-told/series.csv", "fixed/flows.jsonl", "manifest.json", "summary.md"].map(
        (name) => `a/b/run/${name}`,
      ),
    );
    expect(readFileSync(join(dir, "as-told/flows.jsonl"), "utf8")).toBe("ü\n");
    expect(JSON.parse(readFileSync(join(dir, "manifest.json"), "utf8"))).toMatchObject({
      files: [
        { name: "as-told/flows.jsonl", bytes: 3 },
        { name: "as-told/series.csv", bytes: 2 },
        { name: "fixed/flows.jsonl", bytes: 5 },
        { name: "summary.md", bytes: 4 },
      ],
    });
  });

  it("is as readable as any folder that this process makes", () => {
    mkdirSync(join(base, "plain"));
    writeRun(join(base, "run"), "text");
    expect(statSync(join(base, "run")).mode).toBe(statSync(join(base, "plain")).mode);
  });

  it("leaves nothing when abandoned, parents that were made for it included", () => {
    const folder = RunFolder.create(join(base, "new/parent/run"));
    folder.write("summary.md", "text");
    folder.stream("flows.jsonl").write("half a li");
    folder.abandon();
    folder.abandon();
    expect(readdirSync(base)).toEqual([]);
  });

  it("has no folder for a variant that never began", () => {
    const folder = RunFolder.create(join(base, "run"));
    folder.place("as-lru/flows.jsonl");
    expect(folder.files()).toEqual([]);
    writeManifest(folder);
    folder.commit();
    expect(readdirSync(join(base, "run"))).toEqual(["manifest.json"]);
  });

  it("is not committed without a manifest, and takes nothing after it", () => {
    const folder = RunFolder.create(join(base, "run"));
    expect(() => folder.commit()).toThrow(/no manifest/);
    writeManifest(folder);
    expect(() => folder.write("late.txt", "x")).toThrow(/after the manifest/);
    folder.abandon();
  });

  it("refuses names that lead out of it, and the same name twice", () => {
    const folder = RunFolder.create(join(base, "run"));
    for (const name of ["../x", "/etc/x", ".hidden", "a/../b", "a/b/c/d", ""])
      expect(() => folder.write(name, "x")).toThrow(/can't be the name/);
    folder.write("a.txt", "x");
    expect(() => folder.write("a.txt", "x")).toThrow(/twice/);
    folder.abandon();
  });

  it("removes what a killed run has left, but not what a live one writes", () => {
    const own = RunFolder.create(join(base, "run"));
    const live = readdirSync(base)[0]!;
    // No process has this number: Linux ends at 2^22.
    const killed = live.replace(`-${process.pid}-`, "-99999999-");
    expect(killed).not.toBe(live);
    mkdirSync(join(base, killed));
    writeFileSync(join(base, killed, "flows.jsonl"), "half");
    const next = RunFolder.create(join(base, "run"));
    expect(readdirSync(base)).not.toContain(killed);
    expect(readdirSync(base)).toContain(live);
    own.abandon();
    next.abandon();
    expect(readdirSync(base)).toEqual([]);
  });
});

describe("an existing folder", () => {
  it("takes a run when empty", () => {
    writeRun(base, "text", ["as-told/flows.jsonl"]);
    expect(tree(base)).toEqual(["as-told/flows.jsonl", "manifest.json", "summary.md"]);
  });

  it("that holds a run is replaced at commit and not before; no old file stays", () => {
    const dir = join(base, "run");
    writeRun(dir, "old", ["old.txt", "variant/old.txt"]);
    const folder = RunFolder.create(dir);
    folder.write("summary.md", "new");
    expect(readFileSync(join(dir, "summary.md"), "utf8")).toBe("old");
    writeManifest(folder);
    folder.commit();
    expect(tree(dir)).toEqual(["manifest.json", "summary.md"]);
    expect(readFileSync(join(dir, "summary.md"), "utf8")).toBe("new");
  });

  it("keeps the old run when the new one is abandoned", () => {
    const dir = join(base, "run");
    writeRun(dir, "old");
    const folder = RunFolder.create(dir);
    folder.write("summary.md", "new");
    folder.abandon();
    expect(tree(dir)).toEqual(["manifest.json", "summary.md"]);
    expect(readFileSync(join(dir, "summary.md"), "utf8")).toBe("old");
  });

  it("recovers from a run that was killed while it replaced another", () => {
    const dir = join(base, "run");
    writeRun(dir, "old");
    mkdirSync(join(dir, ".ctlab-replaced-0"));
    for (const name of ["manifest.json", "summary.md"]) {
      writeFileSync(join(dir, ".ctlab-replaced-0", name), readFileSync(join(dir, name)));
      rmSync(join(dir, name));
    }
    writeFileSync(join(dir, "summary.md"), "new");
    writeRun(dir, "third");
    expect(tree(dir)).toEqual(["manifest.json", "summary.md"]);
    expect(readFileSync(join(dir, "summary.md"), "utf8")).toBe("third");
  });

  it("that is no run is refused and left as it is", () => {
    const dir = join(base, "home");
    mkdirSync(dir);
    writeFileSync(join(dir, "thesis.tex"), "years");
    const fault = faultOf(() => RunFolder.create(dir));
    expect(fault).toMatchObject({ fault: "input", message: `${dir}: is not empty and not a run of ctlab; it is left as it is` });
    writeFileSync(join(dir, "manifest.json"), JSON.stringify({ name: "a web app", icons: [] }));
    faultOf(() => RunFolder.create(dir));
    expect(tree(dir)).toEqual(["manifest.json", "thesis.tex"]);
  });

  it("that holds a run and somebody's notes is refused", () => {
    const dir = join(base, "run");
    writeRun(dir, "old");
    writeFileSync(join(dir, "notes.txt"), "mine");
    expect(faultOf(() => RunFolder.create(dir)).message).toContain("(notes.txt)");
    expect(tree(dir)).toEqual(["manifest.json", "notes.txt", "summary.md"]);
  });
});

describe("places that can't be written", () => {
  it("a file as target or as a part of the path", () => {
    writeFileSync(join(base, "file"), "x");
    expect(faultOf(() => RunFolder.create(join(base, "file")))).toMatchObject({ fault: "input" });
    expect(faultOf(() => RunFolder.create(join(base, "file/run")))).toMatchObject({ fault: "input" });
    expect(tree(base)).toEqual(["file"]);
  });

  it.skipIf(!existsSync("/proc/self"))("a file system that makes no folders", () => {
    expect(faultOf(() => RunFolder.create("/proc/ctlab/run"))).toMatchObject({ path: "/proc/ctlab/run" });
  });

  it.skipIf(process.getuid?.() === 0)("a folder without permission", () => {
    chmodSync(base, 0o500);
    expect(faultOf(() => RunFolder.create(join(base, "run")))).toMatchObject({
      fault: "input",
      message: `${base}/run: no permission to write here`,
    });
    chmodSync(base, 0o700);
  });

  it.skipIf(!existsSync("/dev/full"))("a full disk, in a file written at once and in a stream", () => {
    const folder = RunFolder.create(join(base, "run"));
    for (const name of ["summary.md", "flows.jsonl"]) {
      const path = folder.place(`made/${name}`);
      symlinkSync("/dev/full", path);
      for (const Stream of [FileStream, BulkStream]) {
        const write = (): void => {
          const stream = new Stream(path, name);
          stream.write(Buffer.from("x".repeat(1000)));
          stream.close();
        };
        expect(faultOf(write)).toMatchObject({ fault: "environment", message: `${name}: no space left on the device` });
      }
    }
    folder.abandon();
    expect(readdirSync(base)).toEqual([]);
  });

  it("names every code of the system, known or not, and lets defects pass", () => {
    const failed = (code: string): unknown => Object.assign(new Error(code), { code, syscall: "write" });
    expect(outputError("x", failed("EROFS"))).toMatchObject({ message: "x: the file system is read-only", fault: "input" });
    expect(outputError("x", failed("EUNHEARD"))).toMatchObject({ message: "x: can't be written (EUNHEARD)", fault: "environment" });
    const defect = new TypeError("not a function");
    expect(outputError("x", defect)).toBe(defect);
  });
});

describe("FileStream", () => {
  it("keeps order and bytes across its buffer, for small and large pieces", () => {
    const stream = new FileStream(join(base, "s"));
    let expected = "";
    for (let piece = 0; piece < 300; piece++) {
      const text = `${piece}·`.repeat(piece % 7 === 0 ? 20_000 : 300);
      expected += text;
      stream.write(piece % 3 === 0 ? Buffer.from(text) : text);
    }
    stream.close();
    stream.close();
    expect(readFileSync(join(base, "s"), "utf8") === expected).toBe(true);
    expect(stream.bytes).toBe(Buffer.byteLength(expected));
    expect(() => stream.write(new Uint8Array(1))).toThrow(/after close/);
  });
});

describe("BulkStream", () => {
  // On a disk past the page cache, in memory (where older kernels refuse that) through it.
  const folders = [tmpdir(), ...(existsSync("/dev/shm") ? ["/dev/shm"] : [])];

  it.each(folders)("keeps order and bytes, wherever pieces and file end: %s", (under) => {
    const folder = mkdtempSync(join(under, "ctlab-bulk-"));
    const path = join(folder, "s");
    const MIB = 1024 * 1024;
    for (const sizes of [[], [0], [1], [4096], [4095, 2], [MIB], [MIB - 1, 1, 1], [3 * MIB + 5], [700_000, 700_000, 700_000, 4097]]) {
      const pieces = sizes.map((size, i) => Buffer.alloc(size, `${i}piece`));
      const stream = new BulkStream(path);
      for (const piece of pieces) stream.write(piece);
      stream.close();
      stream.close();
      expect(readFileSync(path).equals(Buffer.concat(pieces))).toBe(true);
      expect(() => stream.write(new Uint8Array(1))).toThrow(/after close/);
    }
    rmSync(folder, { recursive: true });
  });

  it("goes on in a thread of its own, with the same bytes", () => {
    const path = join(base, "long");
    const stream = new BulkStream(path, "long", new URL("../../dist/report/bulk-writer.js", import.meta.url));
    const written = createHash("sha256");
    // Past where the thread is started, and time for it to start.
    for (let number = 0; number < 900; number++) {
      const piece = Buffer.alloc(100_003, `${number}piece`);
      written.update(piece);
      stream.write(piece);
    }
    stream.close();
    stream.close();
    expect(statSync(path).size).toBe(900 * 100_003);
    expect(createHash("sha256").update(readFileSync(path)).digest("hex")).toBe(written.digest("hex"));
    expect(() => stream.write(new Uint8Array(1))).toThrow(/after close/);
  });
});
