/**
 * The folder that a run leaves behind, written so that a killed run leaves whole files or none.
 *
 * Everything goes into a hidden folder first. `commit` puts it in place: by renaming that folder when the target does
 * not exist yet, else by moving file after file into it, the manifest last. A target that is neither empty nor a
 * finished run, or that holds files which no run wrote, is refused before anything is written.
 */
import { existsSync, fsyncSync, closeSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { rmSync, rmdirSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { FileStream } from "./file-stream.js";
import { errnoOf, OutputError, outputError } from "./output-error.js";

/** The file that makes a folder a run, written last. */
export const MANIFEST_NAME = "manifest.json";
/** Value of the manifest's `format`. */
export const MANIFEST_FORMAT = "ctlab-run";

const WRITING = "ctlab-writing";
const REPLACED = ".ctlab-replaced-";
/** Folders of one process beside one target; more means that something else is wrong. */
const ATTEMPTS_MAX = 1000;
/** A name inside the folder: one to three parts, no leading dot. */
const NAME_FORM = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*){0,2}$/;

export interface RunFile {
  /** Name inside the folder, with `/`. */
  readonly name: string;
  readonly bytes: number;
}

export class RunFolder {
  /** The target as the user gave it. */
  readonly dir: string;
  readonly #target: string;
  /** Hidden folder with everything written so far. */
  readonly #temporary: string;
  /** The outermost folder that had to be made for the target's parent; removed again when the run is abandoned. */
  readonly #madeParent: string | undefined;
  readonly #names = new Set<string>();
  readonly #streams: FileStream[] = [];
  #state: "open" | "committed" | "abandoned" = "open";

  private constructor(dir: string, target: string, temporary: string, madeParent: string | undefined) {
    this.dir = dir;
    this.#target = target;
    this.#temporary = temporary;
    this.#madeParent = madeParent;
  }

  /** Checks that `dir` can take a run and makes the hidden folder. Throws `OutputError`; nothing is left then. */
  static create(dir: string): RunFolder {
    const target = resolve(dir);
    let madeParent: string | undefined;
    try {
      if (existsSync(target)) {
        assertReplaceable(dir, target);
        removeStale(target, WRITING);
        return new RunFolder(dir, target, makeOwn(join(target, ownPrefix(`.${WRITING}`))), undefined);
      }
      const parent = dirname(target);
      madeParent = makeFolders(parent);
      const label = `${basename(target)}.${WRITING}`;
      removeStale(parent, label);
      return new RunFolder(dir, target, makeOwn(join(parent, ownPrefix(`.${label}`))), madeParent);
    } catch (error) {
      if (madeParent !== undefined) removeEmptyFolders(dirname(target), madeParent);
      throw outputError(dir, error);
    }
  }

  /** Writes a whole file. Throws `OutputError`; call `abandon` then. */
  write(name: string, content: string | Uint8Array): void {
    const stream = new FileStream(this.place(name), this.#label(name));
    stream.write(content);
    stream.close();
  }

  /** Opens a file that is written piece by piece; it must be closed before `commit`. */
  stream(name: string): FileStream {
    const stream = new FileStream(this.place(name), this.#label(name));
    this.#streams.push(stream);
    return stream;
  }

  /**
   * Where the file lies until `commit`, for a worker that opens it itself (`new FileStream(path, name)`). The worker
   * must have closed it before `commit`.
   */
  place(name: string): string {
    if (this.#state !== "open") throw new Error(`run folder ${this.dir} is already ${this.#state}`);
    if (!NAME_FORM.test(name)) throw new Error(`"${name}" can't be the name of a file in a run folder`);
    if (this.#names.has(name)) throw new Error(`"${name}" is written twice into ${this.dir}`);
    if (this.#names.has(MANIFEST_NAME)) throw new Error(`"${name}" is written after the manifest of ${this.dir}`);
    const path = join(this.#temporary, name);
    try {
      makeFolders(dirname(path));
    } catch (error) {
      throw outputError(this.#label(name), error);
    }
    this.#names.add(name);
    return path;
  }

  /** What has been written, in order of name. A file that a worker was given but never made is absent. */
  files(): RunFile[] {
    for (const stream of this.#streams) stream.close();
    return [...this.#names]
      .sort((a, b) => (a < b ? -1 : 1))
      .flatMap((name) => {
        const path = join(this.#temporary, name);
        return existsSync(path) ? [{ name, bytes: statSync(path).size }] : [];
      });
  }

  /** Puts everything in place. Throws `OutputError`, with an earlier run restored; call `abandon` then. */
  commit(): void {
    if (this.#state !== "open") throw new Error(`run folder ${this.dir} is already ${this.#state}`);
    if (!this.#names.has(MANIFEST_NAME)) throw new Error(`run folder ${this.dir} has no ${MANIFEST_NAME}`);
    try {
      for (const stream of this.#streams) stream.close();
      removeEmpty(this.#temporary);
      syncFolders(this.#temporary);
      if (existsSync(this.#target)) this.#moveInto();
      else renameSync(this.#temporary, this.#target);
      syncFolder(dirname(this.#target));
    } catch (error) {
      throw outputError(this.dir, error);
    }
    this.#state = "committed";
  }

  /** Removes everything written. Does nothing after `commit`, or a second time. */
  abandon(): void {
    if (this.#state !== "open") return;
    this.#state = "abandoned";
    for (const stream of this.#streams) stream.discard();
    rmSync(this.#temporary, { recursive: true, force: true });
    if (this.#madeParent !== undefined) removeEmptyFolders(dirname(this.#target), this.#madeParent);
  }

  #label(name: string): string {
    return join(this.dir, name);
  }

  /** Swaps the entries of an existing folder for the new ones; on failure the old ones are put back. */
  #moveInto(): void {
    assertReplaceable(this.dir, this.#target);
    const old = readdirSync(this.#target).filter((name) => !name.startsWith(`.${WRITING}`));
    const aside = makeOwn(join(this.#target, REPLACED));
    const fresh = readdirSync(this.#temporary).sort((a, b) => Number(a === MANIFEST_NAME) - Number(b === MANIFEST_NAME));
    const done: (() => void)[] = [];
    const move = (name: string, from: string, to: string): void => {
      renameSync(join(from, name), join(to, name));
      done.push(() => renameSync(join(to, name), join(from, name)));
    };
    try {
      for (const name of old) move(name, this.#target, aside);
      for (const name of fresh) move(name, this.#temporary, this.#target);
    } catch (error) {
      for (const undo of done.reverse()) undo();
      rmSync(aside, { recursive: true, force: true });
      throw error;
    }
    syncFolder(this.#target);
    rmSync(aside, { recursive: true, force: true });
    rmSync(this.#temporary, { recursive: true, force: true });
  }
}

/** Throws `OutputError` unless the folder is empty or holds a run and nothing else. */
function assertReplaceable(dir: string, target: string): void {
  if (!statSync(target).isDirectory()) throw new OutputError(dir, "is a file; a run needs a folder of its own", "input");
  const entries = readdirSync(target).filter((name) => !name.startsWith(`.${WRITING}`));
  if (entries.length === 0) return;
  // Left by a run that was killed while it replaced an older one: the older one lies in there.
  const interrupted = entries.find((name) => name.startsWith(REPLACED));
  if (interrupted !== undefined && runFiles(join(target, interrupted)) !== undefined) return;
  const listed = runFiles(target);
  if (listed === undefined) throw new OutputError(dir, "is not empty and not a run of ctlab; it is left as it is", "input");
  const foreign = walk(target, "").filter((name) => !listed.has(name) && !name.startsWith("."));
  if (foreign.length > 0) {
    const more = foreign.length > 1 ? ` and ${foreign.length - 1} more` : "";
    throw new OutputError(dir, `holds files that the run there did not write (${foreign[0]}${more}); it is left as it is`, "input");
  }
}

/** Names that the manifest of a run lists, with its own; undefined when the folder is not a run. */
function runFiles(folder: string): Set<string> | undefined {
  try {
    const manifest: unknown = JSON.parse(readFileSync(join(folder, MANIFEST_NAME), "utf8"));
    if (typeof manifest !== "object" || manifest === null) return undefined;
    const { format, files } = manifest as { format?: unknown; files?: unknown };
    if (format !== MANIFEST_FORMAT || !Array.isArray(files)) return undefined;
    return new Set([MANIFEST_NAME, ...files.map((file) => String((file as RunFile).name))]);
  } catch {
    return undefined;
  }
}

function walk(folder: string, prefix: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const name = prefix + entry.name;
    return entry.isDirectory() && !name.startsWith(".") ? walk(join(folder, entry.name), `${name}/`) : [name];
  });
}

/** Hidden folders carry host and process, so that a later run can tell a killed one from one that still runs. */
function ownPrefix(start: string): string {
  return `${start}-${hostLabel()}-${process.pid}-`;
}

/**
 * Makes a folder and those around it; returns the outermost that had to be made. Node's own recursive `mkdir` never
 * returns on file systems that answer ENOENT to every mkdir (/proc).
 */
function makeFolders(folder: string): string | undefined {
  if (existsSync(folder)) return undefined;
  const outer = makeFolders(dirname(folder));
  try {
    mkdirSync(folder);
  } catch (error) {
    // Another run may have made it meanwhile; then it is not this run's to remove.
    if (errnoOf(error) === "EEXIST" && statSync(folder).isDirectory()) return outer;
    throw error;
  }
  return outer ?? folder;
}

/** Makes a new folder named `prefix` and a number; unlike `mkdtemp`, readable for those whom the umask allows. */
function makeOwn(prefix: string): string {
  for (let attempt = 0; ; attempt++) {
    const path = `${prefix}${attempt}`;
    try {
      mkdirSync(path);
      return path;
    } catch (error) {
      if (errnoOf(error) !== "EEXIST" || attempt === ATTEMPTS_MAX) throw error;
    }
  }
}

function hostLabel(): string {
  return hostname().replace(/[^A-Za-z0-9]/g, "") || "host";
}

/** Removes what runs on this machine that are no longer alive have left of the same target. */
function removeStale(folder: string, label: string): void {
  const prefix = `.${label}-${hostLabel()}-`;
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(prefix)) continue;
    const pid = Number(name.slice(prefix.length).split("-")[0]);
    if (Number.isSafeInteger(pid) && pid > 0 && !isAlive(pid)) rmSync(join(folder, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) !== "ESRCH";
  }
}

/** Removes `inner` and the folders around it up to `outer`, as long as they are empty. */
function removeEmptyFolders(inner: string, outer: string): void {
  for (let folder = inner; folder.length >= outer.length; folder = dirname(folder)) {
    try {
      rmdirSync(folder);
    } catch {
      return;
    }
  }
}

/** Sub-folders of variants that never began, and of dumps that were never taken. */
function removeEmpty(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (!entry.isDirectory()) continue;
    removeEmpty(path);
    if (readdirSync(path).length === 0) rmdirSync(path);
  }
}

function syncFolders(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) if (entry.isDirectory()) syncFolders(join(folder, entry.name));
  syncFolder(folder);
}

/** Makes renames durable. Systems that can't open a folder (Windows) do it on their own. */
function syncFolder(folder: string): void {
  let file: number;
  try {
    file = openSync(folder, "r");
  } catch {
    return;
  }
  try {
    fsyncSync(file);
  } catch {
    // Not every file system can synchronise folders; the files themselves are on disk.
  } finally {
    closeSync(file);
  }
}
