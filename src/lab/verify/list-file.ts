/** Vector files that are one JSON list of cases. */

import { failed, VectorFileError } from "./case.js";
import type { CaseOutcome, VectorFile } from "./case.js";
import { guarded, isFields } from "./fields.js";
import type { Fields } from "./fields.js";

/** The items of a file that is a JSON list; throws `VectorFileError` with line and reason when it is something else. */
export function parseList(file: VectorFile): readonly unknown[] {
  let root: unknown;
  try {
    root = JSON.parse(file.text);
  } catch (error) {
    const { message } = error as Error;
    throw new VectorFileError(file.path, `is not JSON: ${message}`, lineOf(file.text, message));
  }
  if (!Array.isArray(root)) throw new VectorFileError(file.path, "holds no JSON list", 1);
  if (root.length === 0) throw new VectorFileError(file.path, "holds no case", 1);
  return root;
}

/** Runs every item that is an object; others fail. */
export function* eachItem(
  items: readonly unknown[],
  identify: (each: Fields, index: number) => string,
  run: (each: Fields, id: string) => CaseOutcome,
): Generator<CaseOutcome> {
  for (const [index, each] of items.entries()) {
    if (isFields(each)) {
      const id = identify(each, index);
      yield guarded(id, () => run(each, id));
    } else {
      yield failed(`item ${index + 1}`, "item", "an object", each);
    }
  }
}

/** Line at which parsing stopped: the position that the engine names, else the last line. */
function lineOf(text: string, message: string): number {
  const position = /position (\d+)/.exec(message);
  const before = position === null ? text : text.slice(0, Number(position[1]));
  return before.trimEnd().split("\n").length;
}
