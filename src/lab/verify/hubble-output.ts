/** What the verifiers of Hubble's client share: output variants by name, and comparing printed text byte for byte. */
import { FlowLineReader } from "../../hubble/line-reader.js";
import { FlowPrinter, PRINTER_DEFAULTS, type OutputFormat, type PrinterOptions } from "../../hubble/printer.js";
import type { GetFlowsResponse } from "../../hubble/proto/observer_pb.js";
import { TIME_FORMATS, timeLayout } from "../../hubble/times.js";
import { failed, passed, type CaseOutcome } from "./case.js";
import { FieldError, fieldsOf, isFields, onlyFields, textOf, type Fields } from "./fields.js";

/** The client whose output is recorded. */
export const RECORDED_CLIENT = "hubble 0.12.3";

/** Fails for files of another client: its output may differ. */
export function clientOutcome(root: Fields): CaseOutcome[] {
  const client = root["client"];
  return client === RECORDED_CLIENT ? [] : [failed("client", "client", RECORDED_CLIENT, client)];
}

const FORMATS: Readonly<Record<string, OutputFormat>> = {
  compact: "compact",
  dict: "dict",
  table: "table",
  tab: "table",
  jsonpb: "jsonpb",
  json: "jsonpb",
};

/** The options that `compact_node`, `table_numeric`, `compact_rfc3339nano` … stand for; undefined for others. */
export function variantOptions(name: string): PrinterOptions | undefined {
  if (name === "json_legacy") return { ...PRINTER_DEFAULTS, output: "json-legacy" };
  const [format = "", ...words] = name.split("_");
  const output = FORMATS[format];
  if (output === undefined) return undefined;
  let options: PrinterOptions = { ...PRINTER_DEFAULTS, output };
  for (const word of words) {
    const change = variantChange(word);
    if (change === undefined) return undefined;
    options = { ...options, ...change };
  }
  return options;
}

function variantChange(word: string): Partial<PrinterOptions> | undefined {
  if (TIME_FORMATS.some((format) => format.toLowerCase() === word)) return { timeLayout: timeLayout(word) };
  switch (word) {
    case "node":
      return { nodeName: true };
    case "numeric":
      return { ipTranslation: false };
    case "debug":
      return { debug: true };
    case "color":
      return { color: true };
    default:
      return undefined;
  }
}

export interface Printed {
  readonly stdout: string;
  readonly stderr: string;
}

export function printAll(responses: readonly GetFlowsResponse[], options: PrinterOptions): Printed {
  let stdout = "";
  let stderr = "";
  const printer = new FlowPrinter(options, { out: (text) => void (stdout += text), err: (text) => void (stderr += text) });
  for (const response of responses) printer.print(response);
  printer.close();
  return { stdout, stderr };
}

/** Responses of lines as the recorded client read them; lines that it skipped are none. */
export function readLines(lines: readonly string[]): GetFlowsResponse[] {
  const ignored = (): void => {};
  const reader = new FlowLineReader("0.12.3", { skipped: ignored, unknownField: ignored });
  return lines.map((line) => reader.read(line)).filter((response) => response !== undefined);
}

/** Compares what every variant of `expect` prints; a variant that is not known is a difference. */
export function compareVariants(id: string, expect: Fields, responses: readonly GetFlowsResponse[]): CaseOutcome {
  const variants = Object.entries(expect);
  if (variants.length === 0) throw new FieldError("expect", "at least one output", expect);
  for (const [name, wanted] of variants) {
    const options = variantOptions(name);
    if (options === undefined) return failed(id, name, "a known output", "unknown output");
    const printed = printAll(responses, options);
    const difference = isFields(wanted) ? compareStreams(id, name, wanted, printed) : compareText(id, name, textOf(expect, name), printed.stdout);
    if (difference !== undefined) return difference;
  }
  return passed(id, variants.length);
}

function compareStreams(id: string, name: string, wanted: Fields, printed: Printed): CaseOutcome | undefined {
  onlyFields(wanted, ["stdout", "stderr"]);
  return (
    compareText(id, `${name} stdout`, textOf(wanted, "stdout"), printed.stdout) ??
    compareText(id, `${name} stderr`, withSingleBlanks(textOf(wanted, "stderr")), printed.stderr)
  );
}

/** Go's text form of a message has one or two blanks between fields, by the client's build; only debug output has it. */
function withSingleBlanks(text: string): string {
  return text.replace(/unknown (?:response type|node status event).*/g, (line) => line.replaceAll("  ", " "));
}

/** The first character that differs, with what surrounds it; undefined when both are the same. */
export function compareText(id: string, where: string, expected: string, actual: string): CaseOutcome | undefined {
  if (expected === actual) return undefined;
  let at = 0;
  while (at < expected.length && expected[at] === actual[at]) at++;
  const line = expected.slice(0, at).split("\n").length;
  const from = Math.max(expected.lastIndexOf("\n", at - 1) + 1, at - CONTEXT);
  const around = (text: string): string => JSON.stringify(text.slice(from, at + CONTEXT));
  return failed(id, `${where}, line ${line}`, around(expected), around(actual));
}

/** Characters shown before and after a difference. */
const CONTEXT = 60;

/** How a command ended: text that it printed, or `{ rc, stdout, stderr }`. */
export function compareCommand(id: string, where: string, expect: Fields, field: string, actual: Printed & { readonly code: number }): CaseOutcome | undefined {
  const wanted = isFields(expect[field]) ? fieldsOf(expect, field) : { rc: 0, stdout: textOf(expect, field), stderr: "" };
  onlyFields(wanted, ["rc", "stdout", "stderr"]);
  if (wanted["rc"] !== actual.code) return failed(id, `${where} exit code`, wanted["rc"], actual.code);
  const stdout = "stdout" in wanted ? compareText(id, where, textOf(wanted, "stdout"), actual.stdout) : undefined;
  return stdout ?? ("stderr" in wanted ? compareText(id, `${where} stderr`, textOf(wanted, "stderr"), actual.stderr) : undefined);
}
