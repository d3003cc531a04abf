/**
 * A file that gives way to a new one when it is full, and the older ones that stay: lumberjack as Hubble's exporter uses it
 * (pkg/hubble/exporter/writer.go). A file that gives way gets the moment in its name, in UTC, before its extension.
 */
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { FileStream } from "../../report/file-stream.js";

/** Bytes of a lumberjack megabyte. */
const MEGABYTE = 2 ** 20;
const NS_PER_MS = 1_000_000n;

export interface RotationLimits {
  readonly maxSizeMb: number;
  /** 0 = all stay. */
  readonly maxBackups: number;
  readonly compress: boolean;
}

export class RotatingFile {
  readonly #path: string;
  readonly #limits: RotationLimits;
  #stream: FileStream;
  #bytes = 0;

  /** Throws `OutputError`, here and wherever it writes. */
  constructor(path: string, limits: RotationLimits) {
    this.#path = path;
    this.#limits = limits;
    this.#stream = new FileStream(path);
  }

  /** `ns`: the moment, since 1970. A line longer than a whole file is refused, as there. */
  write(line: string, ns: bigint): void {
    const most = this.#limits.maxSizeMb * MEGABYTE;
    const length = Buffer.byteLength(line);
    if (length > most) return;
    if (this.#bytes + length > most) this.#rotate(ns);
    this.#stream.write(line);
    this.#bytes += length;
  }

  close(): void {
    this.#stream.close();
  }

  #rotate(ns: bigint): void {
    this.#stream.close();
    const backup = backupName(this.#path, ns);
    renameSync(this.#path, backup);
    if (this.#limits.compress) {
      writeFileSync(`${backup}.gz`, gzipSync(readFileSync(backup)));
      rmSync(backup);
    }
    this.#forgetOldest();
    this.#stream = new FileStream(this.#path);
    this.#bytes = 0;
  }

  #forgetOldest(): void {
    const { maxBackups } = this.#limits;
    if (maxBackups === 0) return;
    const folder = dirname(this.#path);
    const [stem, extension] = partsOf(this.#path);
    const isBackup = (name: string): boolean => name.startsWith(`${stem}-`) && name.replace(/\.gz$/, "").endsWith(extension);
    const backups = readdirSync(folder).filter(isBackup).sort();
    for (const name of backups.slice(0, Math.max(0, backups.length - maxBackups))) rmSync(join(folder, name));
  }
}

function partsOf(path: string): [stem: string, extension: string] {
  const extension = extname(path);
  return [basename(path, extension), extension];
}

/** `events-2025-01-01T00-10-15.250.log`. */
function backupName(path: string, ns: bigint): string {
  const [stem, extension] = partsOf(path);
  const moment = new Date(Number(ns / NS_PER_MS)).toISOString().slice(0, -1).replaceAll(":", "-");
  return join(dirname(path), `${stem}-${moment}${extension}`);
}
