/**
 * `ctlab check` as JUnit XML, which CI systems show beside a change: a suite for each variant, a case for each `expect:`
 * line. A missed line is a failure; one that the run can't decide is an error, so that it is not taken for a success.
 * Durations are left out: they would differ from run to run.
 */
import type { CheckedVariant, CheckResult } from "../observe/check-result.js";
import type { ExpectationResult } from "../observe/result.js";

export function junitXml(result: CheckResult): string {
  const all = result.variants.flatMap(({ expectations }) => expectations);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="ctlab check" ${totals(all)}>`,
    ...result.variants.flatMap(suite),
    "</testsuites>",
    "",
  ].join("\n");
}

function suite(variant: CheckedVariant): string[] {
  const name = variant.name === null ? variant.scenario : `${variant.scenario}.${variant.name}`;
  return [
    `  <testsuite name="${escaped(name)}" ${totals(variant.expectations)}>`,
    "    <properties>",
    `      <property name="seed" value="${escaped(variant.seed)}"/>`,
    `      <property name="fingerprint" value="${variant.fingerprint}"/>`,
    "    </properties>",
    ...variant.expectations.flatMap((expectation) => testCase(name, expectation)),
    "  </testsuite>",
  ];
}

function testCase(suiteName: string, { text, file, line, outcome, actual }: ExpectationResult): string[] {
  const head = `    <testcase classname="${escaped(suiteName)}" name="${escaped(text)}" file="${escaped(file)}" line="${line}"`;
  if (outcome === "met") return [`${head}/>`];
  const tag = outcome === "missed" ? "failure" : "error";
  const told = escaped(`measured ${actual}`);
  return [`${head}>`, `      <${tag} type="${outcome}" message="${told}">${escaped(`${file}:${line}: ${text}`)}</${tag}>`, "    </testcase>"];
}

function totals(expectations: readonly ExpectationResult[]): string {
  const count = (wanted: ExpectationResult["outcome"]): number => expectations.filter(({ outcome }) => outcome === wanted).length;
  return `tests="${expectations.length}" failures="${count("missed")}" errors="${count("inconclusive")}"`;
}

/** Text for XML 1.0: what it can't hold at all is replaced. */
function escaped(text: string): string {
  return text
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd")
    .replace(/[&<>"\n\t]/g, (character) => `&#${character.charCodeAt(0)};`);
}
