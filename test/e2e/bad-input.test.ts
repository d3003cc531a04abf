/**
 * Bad input on the command line: every kind gives file, line, column, the line with a caret, what was expected and the
 * nearest valid name, exit code 2, nothing on stdout, and leaves no output folder.
 */
import { existsSync, mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { ctlab, ctlabHere, scratch, type Finished } from "./cli.js";

const folder = scratch();
afterAll(folder.remove);

const VALID = `apiVersion: ctlab/v1
name: small
profile: { cilium: "1.14.5", kernel: "5.15" }
helm: { values: values.yaml }
services:
  - { name: shop/cart, port: 80, backends: 2 }
workloads:
  - name: visits
    from: { workload: shop/web, pods: 1 }
    to: shop/cart:80
    arrivals: { poisson: 5/s }
duration: 5s
`;
const VALUES = "routingMode: native\nipv4NativeRoutingCIDR: 10.0.0.0/8\nbpf:\n  ctTcpMax: 65536\n";

const OUT = join(folder.path, "out");

function write(name: string, content: string | Buffer): string {
  writeFileSync(join(folder.path, name), content);
  return name;
}

write("values.yaml", VALUES);

async function run(file: string, args: readonly string[] = [], input?: string): Promise<Finished> {
  const command = ["run", file, "--out", OUT, ...args];
  return input === undefined ? ctlabHere(command, { cwd: folder.path }) : ctlab(command, { cwd: folder.path, input });
}

function expectRefused({ code, stdout }: Finished): void {
  expect(code).toBe(2);
  expect(stdout).toBe("");
  expect(existsSync(OUT)).toBe(false);
}

interface Case {
  readonly what: string;
  readonly text: string;
  /** Pieces of stderr. */
  readonly says: readonly string[];
}

const ANCHORS = Array.from(
  { length: 12 },
  (_, level) =>
    `a${level}: &a${level} [${
      level === 0
        ? "x"
        : Array(9)
            .fill(`*a${level - 1}`)
            .join(",")
    }]`,
);

const CASES: readonly Case[] = [
  {
    what: "an unknown key",
    text: VALID.replace("duration", "duratoin"),
    says: [
      'case.yaml:12:1: error: unknown key "duratoin"',
      "   12 | duratoin: 5s\n      | ^~~~~~~~",
      "expected one of",
      'did you mean "duration"?',
    ],
  },
  {
    what: "a wrong type",
    text: VALID.replace("backends: 2", "backends: two"),
    says: ['case.yaml:6:44: error: services[0].backends can\'t be the text "two"', "^~~", "expected a whole number"],
  },
  {
    what: "a unit that does not parse",
    text: VALID.replace("5s", "5 parsecs"),
    says: ['case.yaml:12:11: error: duration can\'t be the text "5 parsecs"', "expected a duration"],
  },
  {
    what: "a missing values file",
    text: VALID.replace("values.yaml", "valeus.yaml"),
    says: ["case.yaml:4:17: error: the values file valeus.yaml can't be opened: no such file", 'did you mean "values.yaml"?'],
  },
  {
    what: "a values file that is a folder",
    text: VALID.replace("values.yaml", "."),
    says: ["case.yaml:4:17: error: the values file . is a directory", "expected a file"],
  },
  {
    what: "a YAML syntax error",
    text: VALID.replace('"5.15" }', '"5.15"'),
    says: ["case.yaml:", "error: this is no YAML:", "^"],
  },
  {
    what: "quotes that are never closed",
    text: VALID.replace('"5.15"', '"5.15'),
    says: ["case.yaml:3:38: error: this is no YAML: the quotes that open here are never closed"],
  },
  {
    what: "an alias bomb",
    text: ANCHORS.join("\n"),
    says: ["case.yaml:", "aliases repeat this and other values more than 10000 times"],
  },
  {
    what: "nesting without end",
    text: "[".repeat(100_000),
    says: ["case.yaml:1:", "values are nested too deeply", "expected at most 64 levels"],
  },
  {
    what: "an empty file",
    text: "",
    says: ["case.yaml:1:1: error: the file is empty", "expected a scenario"],
  },
  {
    what: "a service that is not there",
    text: VALID.replace("to: shop/cart:80", "to: shop/crat:80"),
    says: ['case.yaml:10:9: error: there is no service "shop/crat"', "expected one of shop/cart", 'did you mean "shop/cart"?'],
  },
  {
    what: "a key twice",
    text: `${VALID}name: other\n`,
    says: ['case.yaml:13:1: error: the key "name" stands twice in this mapping; it is already in line 2'],
  },
  {
    what: "a figure that is none",
    text: VALID.replace("2 }\nworkloads", ".nan }\nworkloads"),
    says: ["case.yaml:6:44: error: services[0].backends can't be the number .nan: it is not a finite number"],
  },
  {
    what: "a contradiction",
    text: `${VALID}warmup: 5s\n`,
    says: ["case.yaml:13:9: error: warmup lasts 5 s, and the whole run 5 s", "expected a warmup shorter than the duration"],
  },
  {
    what: "something that is not modelled",
    text: `${VALID}faults: []\n`,
    says: ['case.yaml:13:1: error: "faults" can\'t be simulated'],
  },
  {
    what: "a value of the chart that is not modelled",
    text: `${VALID}helm: { set: { nat46x64Gateway.enabled: true } }\n`.replace("helm: { values: values.yaml }\n", ""),
    says: ["case.yaml:12:41: error: nat46x64Gateway.enabled can't be simulated: NAT between IPv4 and IPv6", "expected a scenario without it"],
  },
  {
    what: "bytes that are no text",
    text: "name: \u00e9",
    says: ["case.yaml:1:7: error: the scenario is not UTF-8 text: byte 0xe9", "expected UTF-8"],
  },
];

describe("a scenario with", () => {
  it.each(CASES)("$what", async ({ text, says }) => {
    const finished = await run(write("case.yaml", Buffer.from(text, "latin1")));
    expectRefused(finished);
    for (const piece of says) expect(finished.stderr).toContain(piece);
    expect(finished.stderr).not.toMatch(/\n\s+at .*:\d+:\d+\)?\n/);
    expect(finished.stderr).not.toContain("\u001b");
  });

  it("several mistakes: all of them, of the scenario and of its values file", async () => {
    write("bad-values.yaml", "bpf:\n  ctTcpMaks: 1\n  natMax: lots\n");
    const text = VALID.replace("values.yaml", "bad-values.yaml").replace("backends: 2", "backends: two").replace("5s", "5");
    const finished = await run(write("several.yaml", text));
    expectRefused(finished);
    const places = [...finished.stderr.matchAll(/^(\S+?):(\d+):(\d+): error:/gm)].map((match) => match.slice(1).join(":"));
    expect(places).toEqual(["several.yaml:6:44", "several.yaml:12:11", "bad-values.yaml:2:3", "bad-values.yaml:3:11"]);
    expect(finished.stderr).toContain('did you mean "bpf.ctTcpMax"?');
    expect(finished.stderr.trim()).toMatch(/4 errors$/);
  });
});

describe("a path that holds no scenario", () => {
  it("a missing file: with the nearest name", async () => {
    write("small.yaml", VALID);
    const finished = await run("smal.yaml");
    expectRefused(finished);
    expect(finished.stderr).toContain("smal.yaml:1:1: error: the scenario can't be opened: no such file");
    expect(finished.stderr).toContain('did you mean "small.yaml"?');
  });

  it("a directory", async () => {
    mkdirSync(join(folder.path, "sub"));
    const finished = await run("sub");
    expectRefused(finished);
    expect(finished.stderr).toContain("sub:1:1: error: the scenario is a directory");
  });

  it("a file of 50 MB, at once", async () => {
    const name = write("large.yaml", "");
    truncateSync(join(folder.path, name), 50 * 1024 * 1024);
    const finished = await run(name);
    expectRefused(finished);
    expect(finished.stderr).toContain("large.yaml:1:1: error: the scenario is too large (50.0 MiB)");
  });

  it("standard input without a scenario", async () => {
    const finished = await run("-", [], "just words");
    expectRefused(finished);
    expect(finished.stderr).toContain('<stdin>:1:1: error: a scenario can\'t be the text "just words"');
  });
});

describe("a mistyped path to anything else", () => {
  it("is refused with the nearest name beside it", async () => {
    mkdirSync(join(folder.path, "reports/incident"), { recursive: true });
    write("reports/incident/flows.jsonl", "");
    write("trace.jsonl", "");
    const cases: readonly (readonly [args: readonly string[], first: string, meant: string])[] = [
      [["explain", "reports/incidnet"], "reports/incidnet/manifest.json:1:1: error: is not there", "reports/incident"],
      [["observe", "report/incident"], "ctlab: report/incident: no such file or run folder", "reports/incident"],
      [["serve", "./reports/inciden"], "./reports/inciden:1:1: error: is not there", "./reports/incident"],
      [["serve", "trace.json"], "trace.json:1:1: error: is not there", "trace.jsonl"],
      [["merge", "report", "--out", "table"], "ctlab: report: is no sweep's folder", "reports"],
      [["verify", "maps", "tracee.jsonl"], "ctlab: tracee.jsonl: can't be read: no such file", "trace.jsonl"],
    ];
    for (const [args, first, meant] of cases) {
      const { code, stderr } = await ctlabHere(args, { cwd: folder.path });
      const lines = stderr.trimEnd().split("\n");
      expect([args, code, lines[0]?.startsWith(first), lines.at(-1)]).toEqual([args, 2, true, `   did you mean "${meant}"?`]);
    }
  });
});

describe("a slip on the command line", () => {
  it.each([
    [["help", "rnu"], ["error: unknown command 'rnu'", "(Did you mean run?)"]],
    [["rnu", "--help"], ["error: unknown command 'rnu'", "(Did you mean run?)"]],
    [["resolve", "values.yaml", "prod.yaml", "--node", "16cpu,64Gi"], ["error: values files are given by -f: -f values.yaml -f prod.yaml"]],
    [["export", "grafana", "-o", "."], ["ctlab: .: is a folder, not a file"]],
    [["export", "prometheus-rules", "-o", "nowhere/rules.yaml"], ["ctlab: nowhere/rules.yaml: the folder is not there, or can't be made"]],
  ])("%j", async (args, says) => {
    const finished = await ctlabHere(args, { cwd: folder.path });
    expectRefused(finished);
    expect(finished.stderr.split("\n").slice(0, says.length)).toEqual(says);
  });
});

describe("--set", () => {
  it.each([
    ["duratoin=5m", ["--set:1:1: error:", "duratoin=5m", 'did you mean "duration"?']],
    ["duration=3sec", ["--set:1:10: error: duration can't be the text \"3sec\"", 'did you mean "3s"?']],
    ["cluster.nodes=-3", ["--set:1:15: error: cluster.nodes can't be the number -3"]],
    ["nonsense", ["--set:1:1: error: this sets nothing", "expected path=value"]],
  ])("%s", async (argument, says) => {
    const finished = await run(write("set.yaml", VALID), ["--set", argument]);
    expectRefused(finished);
    for (const piece of says) expect(finished.stderr).toContain(piece);
  });
});

describe("a Helm file", () => {
  it("with sizes that the agent refuses: in the agent's words", async () => {
    write("refused.yaml", `${VALUES}  natMax: 1000000\n`);
    const finished = await run(write("refused-s.yaml", VALID.replace("values.yaml", "refused.yaml")));
    expectRefused(finished);
    expect(finished.stderr).toContain(
      "refused.yaml:5:11: error: the agent refuses to start: specified NAT tables size 1000000 must not exceed",
    );
  });
});
