/** Scenario texts for tests, and loading them without a file system. */
import { InputError, type Diagnostic } from "../../src/scenario/diagnostics.js";
import { loadScenarioText, type LoadOptions } from "../../src/scenario/load.js";
import type { ReadResult } from "../../src/scenario/read-file.js";
import { SourceText } from "../../src/scenario/source.js";
import type { ScenarioFile } from "../../src/scenario/types.js";

/** One of everything, valid. */
export const VALID = `apiVersion: ctlab/v1
name: everything
about: A small cluster with one of everything.
profile: { cilium: "1.17.6", kernel: 5.10 }
cluster: { nodes: 3, pods: 40, cpus: 4, memory: 16Gi, podCIDR: 10.0.0.0/16, rtt: 100us, linkRate: 25G }
helm:
  values: values.yaml
  set: { bpf.ctTcpMax: 65536 }
maps:
  ct4_global: { type: hash, maxEntries: 4Ki }
services:
  - { name: shop/cart, port: 80, backends: 3, clusterIP: 10.96.1.2 }
  - { name: shop/dns, port: 53, protocol: UDP, backends: 2 }
policies:
  - endpoints: shop/web
    egress: deny
    allow: [{ direction: egress, to: shop/cart, port: 80 }]
preload:
  - { map: ct4_global, entries: 1000, expires: 1m..2m, about: idle }
workloads:
  - name: pool
    from: { workload: shop/web, pods: 2 }
    to: shop/cart:80
    connections: 10
    request: { every: 5s }
  - name: burst
    from: { workload: shop/web, pods: 2 }
    to: shop/cart:80
    arrivals: { poisson: 100/s, first: 1m, every: 2m, for: 10s }
    connection: { requests: 2, thinkTime: { uniform: 1ms..3ms }, hold: { exponential: 200ms }, close: server, leak: 5% }
client: { synRto: 500ms, hz: 250 }
observe: { flows: all, hooks: [{ hook: tc_ingress, observed: { source: a node, buckets: [[0, 10], [1us, 3]] } }] }
duration: 5m
warmup: 10s
seed: 7
expect:
  - syn_latency_p99{window="inside"} < 10ms
variants:
  bigger:
    about: Twice the size.
    helm: { set: { bpf.ctTcpMax: 131072 } }
    maps: { ct4_global: null }
`;

export const VALUES = `# values of the fixture
routingMode: native
ipv4NativeRoutingCIDR: 10.0.0.0/8
bpf:
  ctAnyMax: 32768
  masquerade: yes
hubble: { relay: { enabled: true } }
`;

export const SCENARIO_PATH = "dir/scenario.yaml";
export const VALUES_PATH = "dir/values.yaml";

/** Loads a text as `dir/scenario.yaml`; `files` are the others that exist. */
export function load(
  text: string,
  options: LoadOptions = {},
  files: Readonly<Record<string, string>> = { [VALUES_PATH]: VALUES },
): ScenarioFile {
  const read = (path: string): ReadResult => {
    const content = files[path];
    return content === undefined
      ? { ok: false, message: "can't be opened: no such file" }
      : { ok: true, source: new SourceText(path, content) };
  };
  return loadScenarioText(new SourceText(SCENARIO_PATH, text), read, options);
}

/** What is wrong with a text; fails when it loads. */
export function mistakes(text: string, options: LoadOptions = {}, files?: Readonly<Record<string, string>>): readonly Diagnostic[] {
  try {
    load(text, options, files);
  } catch (error) {
    if (error instanceof InputError) return error.diagnostics;
    throw error;
  }
  throw new Error("the text was accepted");
}

/** The fixture with one replacement; the replaced text must be there. */
export function changed(from: string, to: string): string {
  if (!VALID.includes(from)) throw new Error(`the fixture has no ${JSON.stringify(from)}`);
  return VALID.replace(from, to);
}

/** `line:column` of the last letter sequence `text` in `source`, as diagnostics count. */
export function positionOf(source: string, text: string): string {
  const offset = source.lastIndexOf(text);
  if (offset === -1) throw new Error(`no ${JSON.stringify(text)} in the text`);
  const before = source.slice(0, offset).split("\n");
  return `${before.length}:${before.at(-1)!.length + 1}`;
}
