/** Mistakes in what a command was asked for, in the form of mistakes in files. */
import { Diagnostics, InputError } from "../scenario/diagnostics.js";

/** The scenario has no variant of that name. */
export function unknownVariant(file: string, name: string, known: readonly string[]): InputError {
  const named = known.filter((each) => each !== "");
  const diagnostics = new Diagnostics();
  diagnostics.unreadable(file, `there is no variant "${name}"`, {
    expected: named.length === 0 ? "no --variant: this scenario has none" : `one of ${named.join(", ")}`,
    names: { written: name, valid: named },
  });
  return new InputError(diagnostics.sorted());
}
