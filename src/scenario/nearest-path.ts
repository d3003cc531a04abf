/** "Did you mean" for paths: the file or folder that a mistyped path stands for. */
import { readdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { printable } from "./diagnostics.js";
import { nearestName } from "./nearest.js";

/** What the path should lead to. */
export type PathKind = "file" | "folder" | "either";

/** The path with every part that isn't there replaced by the nearest name beside it; undefined when it exists, or nothing is near. */
export function nearestPath(path: string, kind: PathKind = "either"): string | undefined {
  if (path === "" || isThere(path, kind)) return undefined;
  return corrected(path, kind);
}

/** The same as a line to go below a message; empty when there is nothing to say. */
export function didYouMean(path: string, kind: PathKind = "either"): string {
  const nearest = nearestPath(path, kind);
  return nearest === undefined ? "" : `\n   did you mean "${printable(nearest)}"?`;
}

function corrected(path: string, kind: PathKind): string | undefined {
  const [folder, name] = [dirname(path), basename(path)];
  const there = isThere(folder, "folder") ? folder : folder === dirname(folder) ? undefined : corrected(folder, "folder");
  if (there === undefined) return undefined;
  // What the user wrote is kept as it was: `./a`, not `a`.
  const within = (inner: string): string => (there === folder ? path.slice(0, path.lastIndexOf(name)) + inner : join(there, inner));
  if (there !== folder && isThere(join(there, name), kind)) return within(name);
  const nearest = nearestOf(name, namesIn(there, kind));
  return nearest === undefined ? undefined : within(nearest);
}

/** What lacks nothing but its ending, else what differs in at most a third of the letters before the ending, which many files share. */
function nearestOf(name: string, names: readonly string[]): string | undefined {
  const unended = names.filter((each) => each.startsWith(`${name}.`));
  if (unended.length === 1) return unended[0];
  const stem = /^\.*[^.]*/.exec(name)![0];
  return nearestName(name, names, Math.max(1, Math.floor(stem.length / 3)));
}

function namesIn(folder: string, kind: PathKind): readonly string[] {
  try {
    return readdirSync(folder)
      .sort()
      .filter((name) => isThere(join(folder, name), kind));
  } catch {
    return [];
  }
}

function isThere(path: string, kind: PathKind): boolean {
  try {
    const isFolder = statSync(path).isDirectory();
    return kind === "either" || isFolder === (kind === "folder");
  } catch {
    return false;
  }
}
