/**
 * Lines of flow files as they come: a file, gzip or plain, or a stream such as stdin. A file can be followed while it grows,
 * also when it is cut or another one takes its name, as exporters do when they rotate.
 */
import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { createGunzip } from "node:zlib";

/** Longer lines are passed over, not kept. A flow is about 1 KB, a busy one of an agent tens of KB. */
export const LINE_BYTES_MAX = 64 * 1024 * 1024;
/** Milliseconds between two looks at a followed file. */
const FOLLOW_MS = 100;
const NEWLINE = 0x0a;
const GZIP_MAGIC = [0x1f, 0x8b];
/** Of UTF-8, as editors of some systems put it before a text. */
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** The lines of one piece of input; `tooLong` counts those that were passed over in it. */
export interface LineBatch {
  readonly lines: readonly string[];
  readonly tooLong: number;
}

/** Cuts bytes into lines. */
export class LineSplitter {
  #kept: Buffer[] = [];
  #keptBytes = 0;
  #skipping = false;
  #begun = false;

  /** The lines that end in this piece. */
  push(piece: Buffer): LineBatch {
    const bytes = this.#begun || !piece.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK) ? piece : piece.subarray(BYTE_ORDER_MARK.length);
    this.#begun ||= piece.length > 0;
    const end = bytes.lastIndexOf(NEWLINE);
    if (end < 0) {
      this.#keep(bytes);
      return { lines: [], tooLong: 0 };
    }
    const whole = this.#keptBytes === 0 ? bytes.subarray(0, end) : Buffer.concat([...this.#kept, bytes.subarray(0, end)]);
    const skipped = this.#skipping ? 1 : 0;
    this.#clear();
    this.#keep(bytes.subarray(end + 1));
    const lines = whole.toString("utf8").split("\n");
    return { lines: skipped === 0 ? lines : lines.slice(1), tooLong: skipped };
  }

  /** What stands after the last newline. */
  finish(): LineBatch {
    const rest = Buffer.concat(this.#kept).toString("utf8");
    const tooLong = this.#skipping ? 1 : 0;
    this.#clear();
    return { lines: rest === "" ? [] : [rest], tooLong };
  }

  #keep(bytes: Buffer): void {
    if (this.#skipping || bytes.length === 0) return;
    this.#kept.push(bytes);
    this.#keptBytes += bytes.length;
    if (this.#keptBytes <= LINE_BYTES_MAX) return;
    this.#clear();
    this.#skipping = true;
  }

  #clear(): void {
    this.#kept = [];
    this.#keptBytes = 0;
    this.#skipping = false;
  }
}

/** Lines of a stream to its end. */
export async function* streamLines(stream: AsyncIterable<Buffer>): AsyncGenerator<LineBatch> {
  const splitter = new LineSplitter();
  for await (const bytes of stream) yield splitter.push(bytes);
  yield splitter.finish();
}

export interface FollowOptions {
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Called whenever everything that is there has been read. */
  readonly onIdle: () => void;
}

/** Lines of a file, then, with `follow`, those that are added until the signal. Throws errors of the file system. */
export async function* fileLines(path: string, follow?: FollowOptions): AsyncGenerator<LineBatch> {
  if (await isGzip(path)) {
    yield* streamLines(createReadStream(path).pipe(createGunzip()));
    return;
  }
  if (follow === undefined) {
    yield* streamLines(createReadStream(path, { highWaterMark: READ_BYTES }));
    return;
  }
  yield* growingLines(path, follow);
}

const READ_BYTES = 256 * 1024;

async function isGzip(path: string): Promise<boolean> {
  // A pipe has no beginning to go back to.
  if (!(await stat(path)).isFile()) return false;
  const file = await open(path);
  try {
    const magic = Buffer.alloc(GZIP_MAGIC.length);
    const { bytesRead } = await file.read(magic, 0, magic.length, 0);
    return bytesRead === magic.length && magic.every((byte, index) => byte === GZIP_MAGIC[index]);
  } finally {
    await file.close();
  }
}

/** Keeps the file open, so that what was written before another took its name is read to its end. */
async function* growingLines(path: string, { signal, onIdle }: FollowOptions): AsyncGenerator<LineBatch> {
  let splitter = new LineSplitter();
  let position = 0;
  let file = await open(path);
  const piece = Buffer.alloc(READ_BYTES);
  try {
    while (!signal.aborted) {
      const { bytesRead } = await file.read(piece, 0, piece.length, position);
      position += bytesRead;
      if (bytesRead > 0) {
        yield splitter.push(Buffer.from(piece.subarray(0, bytesRead)));
        continue;
      }
      const [now, there] = await Promise.all([file.stat(), stat(path).catch(() => undefined)]);
      const rotated = there !== undefined && there.ino !== now.ino;
      // Rotated or cut: what is there now is read from its beginning.
      if (rotated || now.size < position) {
        yield splitter.finish();
        splitter = new LineSplitter();
        position = 0;
        if (rotated) {
          const next = await open(path).catch(() => undefined);
          if (next !== undefined) {
            await file.close();
            file = next;
          }
        }
        continue;
      }
      onIdle();
      await sleep(FOLLOW_MS, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    await file.close();
  }
}
