/**
 * Exporters of flows that the Helm values ask for: the chart's `hubble.export`, pkg/hubble/exporter/config.go. Flags of a ConfigMap count
 * where the values say nothing.
 */
import type { HelmRead } from "./helm/read-helm.js";
import type { FlowExport } from "./observe-types.js";
import { isNull, plain, treeAt } from "./tree.js";

/** The chart's defaults, and those of `FlowLogConfig`. */
const MAX_SIZE_MB = 10;
const MAX_BACKUPS = 5;
/** The chart's entry where nothing else is written. */
const DEFAULT_LOG = { name: "all", filePath: "/var/run/cilium/hubble/events.log" };
/** Flags that an agent reads its static exporter's path from. */
const PATH_FLAG = "hubble-export-file-path";

type Plain = Readonly<Record<string, unknown>>;

/** In the order in which they are written. Entries that an agent would refuse are left as they are: `checkExports` reports them. */
export function flowExports(helm: HelmRead): readonly FlowExport[] {
  const at = (path: string): unknown => {
    const tree = treeAt(helm.values, ["hubble", "export", ...path.split(".")]);
    return tree === undefined || isNull(tree) ? undefined : plain(tree);
  };
  const path = helm.config.get(PATH_FLAG)?.text;
  return [...(path === undefined || path === "" ? [] : [staticExport(path, at, helm)]), ...dynamicExports(at)];
}

function staticExport(filePath: string, at: (path: string) => unknown, { config }: HelmRead): FlowExport {
  const value = (key: string, flag: string): unknown => at(`static.${key}`) ?? at(key) ?? config.get(flag)?.text;
  return {
    name: null,
    filePath,
    maxSizeMb: numberOf(value("fileMaxSizeMb", "hubble-export-file-max-size-mb"), MAX_SIZE_MB),
    maxBackups: numberOf(value("fileMaxBackups", "hubble-export-file-max-backups"), MAX_BACKUPS),
    compress: isTrue(value("fileCompress", "hubble-export-file-compress")),
    allow: texts(value("allowList", "hubble-export-allowlist")),
    deny: texts(value("denyList", "hubble-export-denylist")),
    fieldMask: texts(value("fieldMask", "hubble-export-fieldmask")).flatMap((text) => text.split(/[\s,]+/)).filter((text) => text !== ""),
    end: null,
  };
}

function dynamicExports(at: (path: string) => unknown): readonly FlowExport[] {
  if (!isTrue(at("dynamic.enabled"))) return [];
  const content = at("dynamic.config.content") ?? [DEFAULT_LOG];
  return (Array.isArray(content) ? content : []).filter(isRecord).map((log) => ({
    name: typeof log["name"] === "string" ? log["name"] : "",
    filePath: typeof log["filePath"] === "string" ? log["filePath"] : "",
    // Zero stands for the default here.
    maxSizeMb: numberOf(log["fileMaxSizeMb"], 0) || MAX_SIZE_MB,
    maxBackups: numberOf(log["fileMaxBackups"], 0) || MAX_BACKUPS,
    compress: isTrue(log["fileCompress"]),
    allow: texts(log["includeFilters"]),
    deny: texts(log["excludeFilters"]),
    fieldMask: texts(log["fieldMask"]),
    end: log["end"] === undefined || log["end"] === null ? null : String(log["end"]),
  }));
}

function numberOf(value: unknown, otherwise: number): number {
  const number = typeof value === "string" ? Number(value) : value;
  return typeof number === "number" && Number.isSafeInteger(number) && number >= 0 ? number : otherwise;
}

function isTrue(value: unknown): boolean {
  return value === true || value === "true";
}

/** Filters are written as objects or as their JSON. */
function texts(value: unknown): readonly string[] {
  if (value === undefined || value === null || value === "") return [];
  return (Array.isArray(value) ? value : [value]).map((each) => (typeof each === "string" ? each : JSON.stringify(each)));
}

function isRecord(value: unknown): value is Plain {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
