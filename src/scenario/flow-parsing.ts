/**
 * What the Helm values say about the making of flows: the chart's `hubble.redact` (1.15 on), `hubble.networkPolicyCorrelation` (1.18 on) and
 * `cluster.name`.
 * Flags of a ConfigMap count where the values say nothing.
 */
import type { HelmRead } from "./helm/read-helm.js";
import type { FlowParsing } from "./observe-types.js";
import { isNull, plain, treeAt } from "./tree.js";

/** The chart's and the agent's. */
const DEFAULT_CLUSTER = "default";

export function flowParsing({ values, config }: HelmRead): FlowParsing {
  const value = (key: string, flag: string): unknown => {
    const tree = treeAt(values, key.split("."));
    return tree === undefined || isNull(tree) ? config.get(flag)?.text : plain(tree);
  };
  const redacts = isTrue(value("hubble.redact.enabled", "hubble-redact-enabled"));
  return {
    cluster: String(value("cluster.name", "cluster-name") ?? "") || DEFAULT_CLUSTER,
    namesPolicies: !isFalse(value("hubble.networkPolicyCorrelation.enabled", "hubble-network-policy-correlation-enabled")),
    redact: redacts
      ? {
          urlQuery: isTrue(value("hubble.redact.http.urlQuery", "hubble-redact-http-urlquery")),
          allowedHeaders: headers(value("hubble.redact.http.headers.allow", "hubble-redact-http-headers-allow")),
          deniedHeaders: headers(value("hubble.redact.http.headers.deny", "hubble-redact-http-headers-deny")),
        }
      : null,
  };
}

function isTrue(value: unknown): boolean {
  return value === true || value === "true";
}

function isFalse(value: unknown): boolean {
  return value === false || value === "false";
}

/** In small letters. */
function headers(value: unknown): readonly string[] {
  const list = Array.isArray(value) ? value.map(String) : typeof value === "string" ? value.split(/[\s,]+/) : [];
  return list.filter((name) => name !== "").map((name) => name.toLowerCase());
}
