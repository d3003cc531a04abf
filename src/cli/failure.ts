/** Turns whatever a command threw into one clear message and an exit code. */
import { OutputError } from "../report/output-error.js";
import { wantsColor } from "../report/terminal.js";
import { InputError, renderDiagnostics } from "../scenario/diagnostics.js";
import { EXIT, type ExitCode } from "./exit.js";

export interface Failure {
  readonly message: string;
  readonly code: ExitCode;
}

export function explainFailure(error: unknown): Failure {
  if (error instanceof InputError) {
    const color = wantsColor(process.stderr.isTTY === true, process.env);
    return { message: renderDiagnostics(error.diagnostics, { color }), code: EXIT.invalid };
  }
  if (error instanceof OutputError) {
    return { message: `ctlab: ${error.message}`, code: error.fault === "input" ? EXIT.invalid : EXIT.unexpected };
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { message: `ctlab: unexpected fault, please report it:\n${text}`, code: EXIT.unexpected };
}
