/** The recommended alerts as a PrometheusRule of the operator, or as a plain rule file. */
import { Document, isMap, type YAMLMap } from "yaml";
import { type RecommendedAlert, recommendedAlerts } from "./recommended-alerts.js";

export interface RulesRequest {
  /** Release, `1.17`. */
  readonly cilium: string;
  /** A rule file as Prometheus itself reads it, without the operator's object around. */
  readonly plain: boolean;
}

const GROUP = "cilium-conntrack-capacity";
const LINE_WIDTH = 120;

/** YAML with a comment for each threshold. Throws `UnknownVersionError`. */
export function prometheusRules({ cilium, plain }: RulesRequest): string {
  const alerts = recommendedAlerts(cilium);
  const groups = [{ name: GROUP, rules: alerts.map(ruleOf) }];
  const content = plain
    ? { groups }
    : {
        apiVersion: "monitoring.coreos.com/v1",
        kind: "PrometheusRule",
        metadata: { name: GROUP, namespace: "kube-system", labels: { "app.kubernetes.io/part-of": "cilium" } },
        spec: { groups },
      };
  const document = new Document(content);
  document.commentBefore = ` Alerts on conntrack, NAT and Hubble of Cilium ${cilium}, written by ctlab export prometheus-rules.`;
  const rules = document.getIn([...(plain ? [] : ["spec"]), "groups", 0, "rules"]) as { readonly items: readonly YAMLMap[] };
  rules.items.forEach((rule, n) => {
    if (isMap(rule)) rule.commentBefore = wrapped(alerts[n]!.why);
  });
  return document.toString({ lineWidth: LINE_WIDTH });
}

function ruleOf({ alert, expr, for: hold, severity, summary, description }: RecommendedAlert): object {
  return { alert, expr, ...(hold === "" ? {} : { for: hold }), labels: { severity }, annotations: { summary, description } };
}

/** Lines of a comment, each with a blank in front. */
function wrapped(text: string): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line.length + word.length + 1 > LINE_WIDTH - 10 && line !== "") {
      lines.push(line);
      line = "";
    }
    line += ` ${word}`;
  }
  return [...lines, line].join("\n");
}
