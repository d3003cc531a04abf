import { describe, expect, it } from "vitest";
import { readAlertRules } from "./alert-rules.js";
import { Diagnostics } from "./diagnostics.js";
import { SourceText } from "./source.js";

function read(text: string): { readonly rules: readonly unknown[]; readonly problems: readonly string[] } {
  const found = new Diagnostics();
  const rules = readAlertRules(new SourceText("rules.yaml", text), found).map(({ name, expression, at }) => [
    name,
    expression,
    at.source.position(at.start).line,
  ]);
  return { rules, problems: found.sorted().map(({ severity, line, message }) => `${severity} ${line}: ${message}`) };
}

const GROUPS = `groups:
  - name: a
    rules:
      - alert: One
        expr: up == 0
      - record: some:rate
        expr: rate(x[5m])
      - alert: Two
        expr: |
          sum(a)
            > 1
`;

describe("alert rules", () => {
  it("are read from a rule file, recording rules passed over", () => {
    expect(read(GROUPS)).toEqual({
      rules: [
        ["One", "up == 0", 4],
        ["Two", "sum(a)\n  > 1\n", 8],
      ],
      problems: [],
    });
  });

  it("are read from PrometheusRules, several documents, lists", () => {
    const object = `kind: PrometheusRule\nspec:\n${GROUPS.replace(/^/gm, "  ")}`;
    expect(read(object).rules).toHaveLength(2);
    expect(read(`${GROUPS}---\n${object}`).rules).toHaveLength(4);
    expect(read(`kind: List\nitems:\n- spec: { groups: [{ rules: [{ alert: A, expr: up }] }] }\n`).rules).toEqual([["A", "up", 3]]);
  });

  it.each([
    ["", "error 1: the file is empty"],
    ["bpf: { ctTcpMax: 1 }", "error 1: no rules stand here"],
    ["groups: 5", "error 1: groups can't be the number 5"],
    ["groups: [{ name: x }]", "error 1: the rules of a group can't be nothing"],
    ["groups: [{ rules: [{ alert: A }] }]", "error 1: this is no rule"],
    ["groups: [{ rules: [] }]", "warning 1: no alert stands here"],
  ])("%j", (text, problem) => {
    expect(read(text).problems).toEqual([problem]);
  });
});
