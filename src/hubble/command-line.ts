/**
 * A command line of `hubble observe` into a request and how to print what comes: hubble 0.12.3's cmd/observe/flows.go.
 * With release "0.12.3" also its mistake, that `observe` without `flows` passes over `--allowlist` and `--denylist`.
 */
import { create } from "@bufbuild/protobuf";
import { FlagFilters, isFilterFlag } from "./flag-filters.js";
import { FlagError, invalidValue, parseFlags, type SetFlag } from "./flags.js";
import { parseUint } from "./go-text.js";
import type { ClientRelease } from "./names.js";
import type { OutputFormat, PrinterOptions } from "./printer.js";
import { GetFlowsRequestSchema, type GetFlowsRequest } from "./proto/observer_pb.js";
import { parseRawFilters } from "./raw-filters.js";
import { parseTime, timeLayout, type Instant } from "./times.js";
import { UnknownValueError } from "./unknown-value.js";

export interface ObserveCommand {
  readonly request: GetFlowsRequest;
  /** All but colour, which depends on where the output goes. */
  readonly printing: Omit<PrinterOptions, "color">;
  readonly color: "auto" | "always" | "never";
  readonly printRawFilters: boolean;
  readonly silent: boolean;
  /** `--input-file`. */
  readonly inputFile: string | undefined;
  readonly operands: readonly string[];
}

export interface CommandLineContext {
  readonly release: ClientRelease;
  readonly now: Instant;
  /** `HUBBLE_COMPAT=legacy-json-output`: json is the bare flow. */
  readonly legacyJson: boolean;
}

/** What a server means by all. */
export const ALL_FLOWS = (1n << 64n) - 1n;
/** Flows printed when nothing is said: pkg/defaults. */
const FLOW_COUNT_DEFAULT = 20n;

/** Values of flags that are no filters; what stands last counts, but for the lists. */
interface Values {
  readonly last: ReadonlyMap<string, string>;
  readonly allowlist: readonly string[];
  readonly denylist: readonly string[];
}

/** Reads a command line without `observe`; throws FlagError, or an Error in the client's words. */
export function parseObserve(args: readonly string[], context: CommandLineContext): ObserveCommand {
  const { set, operands } = parseFlags(args, context.release);
  const withFlows = operands[0] === "flows";
  const filters = new FlagFilters(context.release);
  const last = new Map<string, string>();
  const lists: Record<"allowlist" | "denylist", string[]> = { allowlist: [], denylist: [] };
  for (const each of set) {
    checkValue(each);
    if (isFilterFlag(each.flag.name)) addFilter(filters, each);
    else if (each.flag.name === "allowlist" || each.flag.name === "denylist") lists[each.flag.name].push(each.value);
    else last.set(each.flag.name, each.value);
  }
  if (context.release === "0.12.3" && !withFlows) lists.allowlist = lists.denylist = [];
  const values: Values = { last, ...lists };
  const { allow, deny } = filters.lists();
  return {
    printing: printing(values, context),
    request: request(values, allow, deny, context),
    color: colorOf(last.get("color")),
    printRawFilters: isOn(values, "print-raw-filters"),
    silent: isOn(values, "silent-errors"),
    inputFile: last.get("input-file"),
    operands: withFlows ? operands.slice(1) : operands,
  };
}

function addFilter(filters: FlagFilters, each: SetFlag): void {
  try {
    filters.add(each.flag.name, each.value);
  } catch (error) {
    throw invalidValue(each, (error as Error).message, error instanceof UnknownValueError ? error.unknown : undefined);
  }
}

const TRUE = ["1", "t", "T", "TRUE", "true", "True"];
const FALSE = ["0", "f", "F", "FALSE", "false", "False"];

function checkValue(each: SetFlag): void {
  const { flag, value } = each;
  if (flag.kind === "switch" && !TRUE.includes(value) && !FALSE.includes(value)) {
    throw invalidValue(each, `strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`);
  }
  const count = parseUint(value);
  if (flag.kind === "number" && (count === undefined || count > ALL_FLOWS)) {
    const reason = count === undefined ? "invalid syntax" : "value out of range";
    throw invalidValue(each, `strconv.ParseUint: parsing ${JSON.stringify(value)}: ${reason}`);
  }
}

function countOf(text: string | undefined): bigint {
  return parseUint(text ?? "") ?? 0n;
}

function isOn({ last }: Values, name: string, otherwise = false): boolean {
  const value = last.get(name);
  return value === undefined ? otherwise : TRUE.includes(value);
}

function colorOf(value: string | undefined): ObserveCommand["color"] {
  const lower = value?.toLowerCase();
  return lower === "always" || lower === "never" ? lower : "auto";
}

function printing(values: Values, { release, legacyJson }: CommandLineContext): ObserveCommand["printing"] {
  return {
    output: outputOf(values.last.get("output") ?? "compact", isOn(values, "follow"), legacyJson),
    timeLayout: timeLayout(values.last.get("time-format") ?? "StampMilli"),
    ipTranslation: isOn(values, "ip-translation", true) && !isOn(values, "numeric"),
    nodeName: isOn(values, "print-node-name"),
    debug: isOn(values, "debug"),
    release,
  };
}

/** Less `tab` and `JSON`, other spellings that the client takes. */
const OUTPUT_FORMATS: readonly string[] = ["compact", "dict", "table", "json", "jsonpb"];

function outputOf(name: string, follow: boolean, legacyJson: boolean): OutputFormat {
  switch (name) {
    case "compact":
    case "dict":
    case "jsonpb":
      return name;
    case "json":
    case "JSON":
      return legacyJson ? "json-legacy" : "jsonpb";
    case "tab":
    case "table":
      if (follow) throw new FlagError("table output format is not compatible with follow mode");
      return "table";
    default:
      throw new FlagError(`invalid output format: ${name}`, undefined, { written: name, names: OUTPUT_FORMATS });
  }
}

const EXCLUSIVE: readonly (readonly [string, string])[] = [
  ["first", "last"],
  ["first", "all"],
  ["first", "follow"],
  ["last", "all"],
];

function request(
  values: Values,
  allow: GetFlowsRequest["whitelist"],
  deny: GetFlowsRequest["blacklist"],
  { release, now }: CommandLineContext,
): GetFlowsRequest {
  const first = countOf(values.last.get("first"));
  const last = countOf(values.last.get("last"));
  const given: Readonly<Record<string, boolean>> = { first: first > 0n, last: last > 0n, all: isOn(values, "all"), follow: isOn(values, "follow") };
  for (const [one, other] of EXCLUSIVE) {
    if (given[one] === true && given[other] === true) throw new FlagError(`cannot set both --${one} and --${other}`);
  }
  const follow = given["follow"] === true;
  const since = timeOf("since", values.last.get("since"), now);
  const until = follow ? undefined : timeOf("until", values.last.get("until"), now);
  return create(GetFlowsRequestSchema, {
    number: first > 0n ? first : since === undefined && until === undefined ? lastCount(last, given["all"] === true, follow) : last,
    first: first > 0n,
    follow,
    whitelist: [...allow, ...rawFilters("allowlist", values.allowlist, release)],
    blacklist: [...deny, ...rawFilters("denylist", values.denylist, release)],
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
  });
}

/** With a time nothing more is said; else 20 unless all are wanted, or those to come. */
function lastCount(last: bigint, all: boolean, follow: boolean): bigint {
  if (all) return ALL_FLOWS;
  return last === 0n && !follow ? FLOW_COUNT_DEFAULT : last;
}

function timeOf(name: string, text: string | undefined, now: Instant): Instant | undefined {
  if (text === undefined || text === "") return undefined;
  try {
    return parseTime(text, now);
  } catch (error) {
    throw new FlagError(`failed to parse the ${name} time: ${(error as Error).message}`);
  }
}

function rawFilters(name: string, texts: readonly string[], release: ClientRelease): GetFlowsRequest["whitelist"] {
  try {
    return texts.flatMap((text) => parseRawFilters(text, release));
  } catch (error) {
    throw new FlagError(`invalid --${name} flag: ${(error as Error).message}`);
  }
}
