/**
 * What a run leaves for `ctlab explain`: `scenario.json`, everything that repeats it, and for each variant
 * `connections.json`, the connections that deserve a look.
 */
import { errnoName } from "../bpf/errno.js";
import { dropText } from "../cilium/datapath/drop-reasons.js";
import { protocolText } from "../cilium/datapath/trace/describe.js";
import type { NotableConnection, NotableKind } from "../observe/notable.js";
import { layOut } from "../report/json.js";
import type { Scenario } from "../scenario/types.js";
import { tupleText } from "./trace/request.js";

export const SCENARIO_FILE = "scenario.json";
export const CONNECTIONS_FILE = "connections.json";
const SCHEMA_VERSION = 1;

/** A connection that deserves a look, by its names. */
export interface RecordedConnection {
  readonly kind: NotableKind;
  readonly workload: string;
  /** Which connection of its workload, from 1. */
  readonly nth: number;
  readonly protocol: string;
  /** `10.244.0.10:41234->10.244.2.14:80`; with socket LB the target is the backend. */
  readonly tuple: string;
  /** When it was noted, and what it waited until then; 0 for drops. */
  readonly atNs: number;
  readonly spanNs: number;
  readonly drop: { readonly code: number; readonly reason: string; readonly errno: string | null } | null;
}

export function recorded(connections: readonly NotableConnection[], { workloads }: Scenario): readonly RecordedConnection[] {
  return connections.map(({ kind, workload, nth, protocol, ipv6, source, sourcePort, target, targetPort, atNs, spanNs, drop }) => ({
    kind,
    workload: workloads[workload]!.name,
    nth,
    protocol: protocolText(protocol),
    tuple: tupleText(source, sourcePort, target, targetPort, ipv6),
    atNs,
    spanNs,
    drop:
      drop === null
        ? null
        : { code: drop.code, reason: dropText(drop.code), errno: drop.extError === 0 ? null : errnoName(drop.extError) },
  }));
}

export function connectionsJson(connections: readonly RecordedConnection[]): string {
  return layOut({ schemaVersion: SCHEMA_VERSION, connections });
}

/** All variants of the file, as they were resolved, in one line each. */
export function scenarioJson(variants: readonly Scenario[]): string {
  const lines = variants.map((variant) => `    ${JSON.stringify(variant)}`).join(",\n");
  return `{\n  "schemaVersion": ${SCHEMA_VERSION},\n  "variants": [\n${lines}\n  ]\n}\n`;
}
