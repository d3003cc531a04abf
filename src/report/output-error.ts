/** What can go wrong when a run's files are written, as one line that says what, where and what to do. */

/** `input`: the user named a place that can't be used. `environment`: the machine failed while writing. */
export type OutputFault = "input" | "environment";

/** A run's output can't be written. Nothing half-written is left; the message is complete and ends without a full stop. */
export class OutputError extends Error {
  override readonly name = "OutputError";
  /** Path as the user gave it. */
  readonly path: string;
  readonly fault: OutputFault;

  constructor(path: string, reason: string, fault: OutputFault) {
    super(`${path}: ${reason}`);
    this.path = path;
    this.fault = fault;
  }
}

/** Error codes of the system, in words, and whose fault they are. */
const REASONS: Readonly<Record<string, readonly [reason: string, fault: OutputFault]>> = {
  ENOSPC: ["no space left on the device", "environment"],
  EDQUOT: ["the disk quota is used up", "environment"],
  EFBIG: ["the file would be larger than the file system allows", "environment"],
  EIO: ["the device reported an error", "environment"],
  EMFILE: ["too many open files", "environment"],
  ENFILE: ["too many open files", "environment"],
  EROFS: ["the file system is read-only", "input"],
  EACCES: ["no permission to write here", "input"],
  EPERM: ["no permission to write here", "input"],
  ENOTDIR: ["a part of the path is a file, not a folder", "input"],
  EEXIST: ["a part of the path is a file, not a folder", "input"],
  EISDIR: ["is a folder, not a file", "input"],
  ENAMETOOLONG: ["the name is too long for the file system", "input"],
  ELOOP: ["the path is a loop of symbolic links", "input"],
  EBUSY: ["is in use by another program", "environment"],
  ENOENT: ["the folder is not there, or can't be made", "input"],
};

/** Turns a failed system call into an `OutputError`; other errors, which are defects, pass unchanged. */
export function outputError(path: string, error: unknown): unknown {
  if (error instanceof OutputError) return error;
  const code = errnoOf(error);
  if (code === undefined) return error;
  const [reason, fault] = REASONS[code] ?? [`can't be written (${code})`, "environment"];
  return new OutputError(path, reason, fault);
}

/** The system's code of a failed call (`ENOSPC`), undefined for errors that are none. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("syscall" in error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
