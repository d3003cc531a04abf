import { describe, expect, it } from "vitest";
import { ALL_FLOWS, parseObserve, type CommandLineContext } from "./command-line.js";
import { rawFiltersYaml } from "./raw-filters.js";
import { parseTime } from "./times.js";

const NOW = parseTime("2025-07-29T12:00:00Z", { seconds: 0n, nanos: 0 });
const CONTEXT: CommandLineContext = { release: "0.12.3", now: NOW, legacyJson: false };
const parse = (...args: string[]) => parseObserve(args, CONTEXT);
const yaml = (...args: string[]): string => {
  const { request } = parse(...args);
  return rawFiltersYaml(request.whitelist, request.blacklist);
};

describe("filters of a command line", () => {
  it.each([
    [["--pod", "a/b", "--port", "53"], 'allowlist:\n    - \'{"source_pod":["a/b"],"source_port":["53"]}\'\n    - \'{"destination_pod":["a/b"],"destination_port":["53"]}\'\n'],
    [["--from-pod", "a/", "--to-port", "53"], 'allowlist:\n    - \'{"source_pod":["a/"],"destination_port":["53"]}\'\n'],
    [["--not", "--namespace", "x"], 'denylist:\n    - \'{"source_pod":["x/"]}\'\n    - \'{"destination_pod":["x/"]}\'\n'],
    [["--not=true", "-l", "app in (a,b)", "-lx=y"], 'allowlist:\n    - \'{"source_label":["x=y"]}\'\n    - \'{"destination_label":["x=y"]}\'\ndenylist:\n    - \'{"source_label":["app in (a,b)"]}\'\n    - \'{"destination_label":["app in (a,b)"]}\'\n'],
    [["--type", "agent:policy-updated", "-ttrace:to-stack", "-t=drop:155"], 'allowlist:\n    - \'{"event_type":[{"type":130,"match_sub_type":true,"sub_type":5},{"type":4,"match_sub_type":true,"sub_type":3},{"type":1,"match_sub_type":true,"sub_type":155}]}\'\n'],
    [["-46"], 'allowlist:\n    - \'{"ip_version":["IPv4","IPv6"]}\'\n'],
    [["--ip-version", "IP6", "--ip-version", "arp"], 'allowlist:\n    - \'{"ip_version":["IPv6","IP_NOT_USED"]}\'\n'],
    [["--tcp-flags", "syn,ACK"], 'allowlist:\n    - \'{"tcp_flags":[{"SYN":true,"ACK":true}]}\'\n'],
    [["--identity", "ingress", "--from-identity=0x10"], "cannot be combined"],
    [["--from-identity", "ingress", "--to-identity=0x10"], 'allowlist:\n    - \'{"source_identity":[8],"destination_identity":[16]}\'\n'],
    [["--workload", "Deployment/a/b"], 'allowlist:\n    - \'{"source_workload":[{"name":"a/b","kind":"Deployment"}]}\'\n    - \'{"destination_workload":[{"name":"a/b","kind":"Deployment"}]}\'\n'],
    [["--workload", ""], "allowlist:\n    - '{\"source_workload\":[{}]}'\n    - '{\"destination_workload\":[{}]}'\n"],
    [["--traffic-direction", "EGRESS"], 'allowlist:\n    - \'{"traffic_direction":["EGRESS"]}\'\n'],
    [["--http-path", "it's <a>&"], 'allowlist:\n    - \'{"http_path":["it\'\'s \\u003ca\\u003e\\u0026"]}\'\n'],
    [["--uuid", "\u{1f600}\"\\"], 'allowlist:\n    - "{\\"uuid\\":[\\"\\U0001F600\\\\\\"\\\\\\\\\\"]}"\n'],
    [["flows", "--denylist", '{"reply":[true]} {}{"uuid":["}"]}'], 'denylist:\n    - \'{"reply":[true]}\'\n    - \'{}\'\n    - \'{"uuid":["}"]}\'\n'],
    [["--allowlist", '{"reply":[true]}'], "{}\n"],
    [["--all"], "{}\n"],
  ])("%j", (args, expected) => {
    if (expected === "cannot be combined") expect(() => yaml(...args)).toThrow(expected);
    else expect(yaml(...args)).toBe(expected);
  });

  it.each([
    [["--not"], "trailing --not found in the arguments"],
    [["--not", "--not", "-4"], "consecutive --not statements"],
    [["--ip", "1.1.1.1", "--pod", "a"], "filters --ip and --pod cannot be combined"],
    [["--from-ip", "1.1.1.1", "--namespace", "a"], "filters --from-ip and --namespace cannot be combined"],
    [["--verdict", "dropped"], 'invalid argument "dropped" for "--verdict" flag: invalid --verdict value: dropped'],
    [["-t", "nothing"], 'for "-t, --type" flag: unable to parse type \'nothing\''],
    [["-t", "trace:nowhere"], "unable to parse event sub-type 'nowhere'"],
    [["-t", "4:to-stack"], "unable to parse event sub-type 'to-stack'"],
    [["--tcp-flags", "syn,xyz"], "unknown tcp flag: xyz"],
    [["--identity", "nobody"], "expected one of [host world unmanaged health init remote-node kube-apiserver ingress] or a numeric value"],
    [["--identity", "4294967296"], "invalid security identity"],
    [["--traffic-direction", "up"], "up: invalid traffic direction, expected ingress or egress"],
    [["flows", "--allowlist", "{"], "invalid --allowlist flag: failed to decode '{'"],
    [["flows", "--denylist", '{"colour":1}'], 'unknown field "colour"'],
    [["--colour"], "unknown flag: --colour"],
    [["-x"], "unknown shorthand flag: 'x' in -x"],
    [["--port"], "flag needs an argument: --port"],
    [["-o"], "flag needs an argument: 'o' in -o"],
    [["---"], "bad flag syntax: ---"],
    [["--all=perhaps"], 'strconv.ParseBool: parsing "perhaps": invalid syntax'],
    [["--last", "-1"], 'invalid argument "-1" for "--last" flag: strconv.ParseUint: parsing "-1": invalid syntax'],
    [["--last", "18446744073709551616"], "value out of range"],
    [["-o", "xml"], "invalid output format: xml"],
    [["-f", "-o", "table"], "table output format is not compatible with follow mode"],
    [["--first", "1", "--last", "1"], "cannot set both --first and --last"],
    [["--first", "1", "--all"], "cannot set both --first and --all"],
    [["--first", "1", "-f"], "cannot set both --first and --follow"],
    [["--last", "1", "--all"], "cannot set both --last and --all"],
    [["--since", "yesterday"], "failed to parse the since time: failed to convert yesterday to time"],
  ])("%j is refused", (args, message) => {
    expect(() => parse(...args)).toThrow(message);
  });
});

describe("what is asked for", () => {
  it.each([
    [[], 20n, false],
    [["--last", "0x10"], 16n, false],
    [["--last", "010"], 8n, false],
    [["--all"], ALL_FLOWS, false],
    [["--all=false"], 20n, false],
    [["--first", "3"], 3n, true],
    [["-f"], 0n, false],
    [["-f", "--all"], ALL_FLOWS, false],
    [["--since", "5m"], 0n, false],
    [["--since", "5m", "--all"], 0n, false],
    [["--until", "2025-01-01", "--last", "4"], 4n, false],
    [["--last", "7", "--last", "9"], 9n, false],
  ])("%j", (args, number, first) => {
    const { request } = parse(...args);
    expect([request.number, request.first]).toEqual([number, first]);
  });

  it("times count back from now; until is not for those who follow", () => {
    expect(parse("--since", "1h", "--until=30m").request).toMatchObject({ since: { seconds: NOW.seconds - 3600n }, until: { seconds: NOW.seconds - 1800n } });
    expect(parse("-f", "--until=30m").request.until).toBeUndefined();
  });

  it("how it is printed", () => {
    expect(parse("-ojson", "--print-node-name", "--time-format=RFC3339", "--ip-translation=false", "-D").printing).toEqual({
      output: "jsonpb",
      timeLayout: "rfc3339",
      ipTranslation: false,
      nodeName: true,
      debug: true,
      release: "0.12.3",
    });
    expect(parse("--numeric").printing.ipTranslation).toBe(false);
    expect(parseObserve(["-o", "json"], { ...CONTEXT, legacyJson: true }).printing.output).toBe("json-legacy");
    expect(parse("-s", "--color", "ALWAYS", "--input-file", "-", "a", "--", "--b")).toMatchObject({
      silent: true,
      color: "always",
      inputFile: "-",
      operands: ["a", "--b"],
    });
    expect(parse("flows", "--all").operands).toEqual([]);
  });
});
