/** Outcomes that the library of incidents does not show, and the bounds between outcomes. */
import { describe, expect, it } from "vitest";
import { kernelProfile } from "../../cilium/profile/kernel.js";
import { configurationOf } from "../configuration.js";
import type { ConntrackFacts, Facts, FlowFacts, MapFacts, MetricFacts, NatFacts } from "../facts.js";
import { factsOf } from "../gather.js";
import { UNKNOWN, VOID } from "../question.js";
import { QUESTIONS } from "./index.js";

const NOTHING = factsOf(
  { conntrack: [], nat: [], natRetries: [], status: [], metrics: [], flows: null },
  configurationOf({ values: [], cilium: undefined, kernel: undefined, node: undefined }, undefined),
);
const METRICS: MetricFacts = {
  scrapes: 3, spanS: 60, forwarded: 1e6, drops: [], gc: null, natPortShare: null, restarts: 0, resized: [], emptied: [], backends: null,
  hubbleLost: null, withGc: {},
};
const FLOWS: FlowFacts = {
  flows: 20_000, spanS: 60, nodes: 1, onlyDrops: false, drops: [], denied: { opening: 0, midStream: 0, unclear: 0 }, deniedPattern: null,
  insertPattern: null, exchanges: 1000, unanswered: 0, silent: null, synsAgain: null, resets: null, lostEvents: 0, spread: null,
};
const CONNTRACK: ConntrackFacts = {
  entries: 1000, clockKnown: true, maps: [], shortLived: [], midStream: { entries: 0, of: 1000 }, synOnly: { entries: 0, addresses: 0, of: 1000 }, silent: null,
  composition: [], services: { entries: 0, backends: 0, clients: 0 },
};
const NAT: NatFacts = { entries: 1000, unpaired: 0, busiest: null };

const FAILED = "CT: Map insertion failed";
const drops = (reason: string, count: number, worstShare = 1e-5): MetricFacts["drops"] => [{ reason, count, worstShare }];
const map = (fillMax: number, fillLast = fillMax, maxEntries = 65_536): MapFacts => ({ maxEntries, fillMax, fillLast });
const withMaps = (...maps: readonly (readonly [string, MapFacts])[]): Partial<Facts> => ({ maps: new Map(maps) as Facts["maps"] });
const withMetrics = (more: Partial<MetricFacts>): Partial<Facts> => ({ metrics: { ...METRICS, ...more } });
const withFlows = (more: Partial<FlowFacts>): Partial<Facts> => ({ flows: { ...FLOWS, ...more } });
const withConntrack = (more: Partial<ConntrackFacts>): Partial<Facts> => ({ conntrack: { ...CONNTRACK, ...more } });
const survived = (missing: number, due = 10_000): Partial<Facts> => ({ survival: { apartS: 5, due, missing } });
const closed = (horizonS: number): ConntrackFacts["shortLived"][number] =>
  ({ map: "ct4_global", what: "closed TCP connections", entries: 500, expiredShare: 0, horizonS, lifetimeS: 10 });
const YOUNG_DATAGRAMS = { ...closed(1), what: "datagrams", lifetimeS: 60 };
const coincidence = (dropsWithRun: number, runShare: number): Partial<Facts> =>
  withMetrics({ drops: drops(FAILED, 100), withGc: { [FAILED]: { drops: 100, dropsWithRun, runShare } } });
const walks = (ipv4: number, ipv6: number): Partial<Facts> =>
  withMetrics({ gc: { signals: 0, byFamily: [{ family: "ipv4", runs: ipv4 }, { family: "ipv6", runs: ipv6 }] } });
const node = (kernel: string, cpus: number | null): Partial<Facts> => ({ node: { ...NOTHING.node, kernel: kernelProfile(kernel), cpus } });
const silent = (unanswered: number, othersUnanswered: number): Partial<Facts> =>
  withFlows({ silent: { destination: "10.0.0.9", asked: 100, unanswered, othersAsked: 900, othersUnanswered } });

const CASES: readonly (readonly [question: string, outcome: string, facts: Partial<Facts>])[] = [
  ["inserts", UNKNOWN, {}],
  ["inserts", "fill unknown", withMetrics({ drops: drops(FAILED, 3) })],
  ["inserts", "with room", { ...withMetrics({ drops: drops(FAILED, 3) }), ...withMaps(["ct4_global", map(0.84)]) }],
  ["inserts", "when full", { ...withMetrics({ drops: drops(FAILED, 3) }), ...withMaps(["ct4_global", map(0.2)], ["ct_any4_global", map(0.86)]) }],
  // A few flows may miss what is rare; a file of drops would hold it.
  ["inserts", UNKNOWN, withFlows({ flows: 100 })],
  ["inserts", "none", withFlows({ flows: 100, onlyDrops: true })],
  ["insert share", VOID, withMetrics({})],
  ["inserts at walks", "only then", coincidence(96, 0.5)],
  ["inserts at walks", "at any time", coincidence(60, 0.5)],
  // When the collector runs all the time nothing can be told.
  ["inserts at walks", UNKNOWN, coincidence(100, 0.9)],
  ["denied", "kind unknown", withMetrics({ drops: drops("Policy denied", 8) })],
  ["denied", "first packets", withFlows({ drops: [{ code: 133, reason: "Policy denied", count: 100 }], denied: { opening: 99, midStream: 1, unclear: 0 } })],
  ["denied", "mid-stream", withFlows({ drops: [{ code: 133, reason: "Policy denied", count: 100 }], denied: { opening: 97, midStream: 3, unclear: 0 } })],
  ["conntrack fill", "full before", withMaps(["ct4_global", map(0.9, 0.4)])],
  ["conntrack fill", "full now", withMaps(["ct4_global", map(0.9, 0.6)])],
  ["free lists", "impossible", { ...node("6.18", 96), ...withMaps(["ct4_global", map(0.1, 0.1, 10_000)]) }],
  ["free lists", "possible", { ...node("6.6.98", 96), ...withMaps(["ct4_global", map(0.1, 0.1, 24_000)]) }],
  ["free lists", "impossible", { ...node("6.6.98", 96), ...withMaps(["ct4_global", map(0.1, 0.1, 25_000)]) }],
  ["free lists", UNKNOWN, withMaps(["ct4_global", map(0.1, 0.1, 10_000)])],
  ["free lists", "impossible", withMaps(["ct4_global", map(0.1, 0.1, 524_288)])],
  ["horizon", "forgotten before", withConntrack({ shortLived: [closed(6)] })],
  ["horizon", UNKNOWN, withConntrack({ shortLived: [closed(7)] })],
  ["horizon", "they do", withConntrack({ shortLived: [closed(8)] })],
  // Datagrams that go on keep their entries young: that shows nothing unless the map is full.
  ["horizon", UNKNOWN, withConntrack({ shortLived: [YOUNG_DATAGRAMS] })],
  ["horizon", "forgotten before", { ...withConntrack({ shortLived: [YOUNG_DATAGRAMS] }), ...withMaps(["ct4_global", map(0.95)]) }],
  ["survival", "all", survived(9)],
  ["survival", "few missing", survived(10)],
  ["survival", "many missing", survived(200)],
  ["survival", UNKNOWN, survived(99, 99)],
  ["restart", "restart", withMetrics({ restarts: 1 })],
  ["restart", "restart, and a map made anew", withMetrics({ restarts: 1, emptied: ["ct4_global"] })],
  ["families", UNKNOWN, walks(2, 0)],
  ["families", "one is left out", walks(7, 2)],
  ["families", "yes", walks(7, 3)],
  ["pairs", "some", { nat: { ...NAT, unpaired: 2 } }],
  ["pairs", "none", { nat: { ...NAT, unpaired: 1 } }],
  ["ports", "many", { nat: { ...NAT, busiest: { from: "10.0.0.1", to: "10.9.9.9:443/TCP", ports: 11_500 } } }],
  ["ports", "few", { nat: { ...NAT, busiest: { from: "10.0.0.1", to: "10.9.9.9:443/TCP", ports: 11_400 } } }],
  ["retries", "no", { natRetries: [100, 20, 3, 0] }],
  ["silence", "one destination", silent(50, 9)],
  ["silence", "here and there", silent(50, 450)],
  ["silence", "none", silent(4, 0)],
  ["client ports", "the same", withFlows({ spread: { service: "a/b:514/UDP", backends: 4, requests: 300, clientPorts: 100 } })],
  ["client ports", "fresh ones", withFlows({ spread: { service: "a/b:514/UDP", backends: 4, requests: 299, clientPorts: 100 } })],
  ["lost events", "no", withMetrics({ hubbleLost: { lost: 0, processed: 1e6 } })],
  ["new backends", UNKNOWN, withMetrics({ backends: { first: 4, last: 12 } })],
  ["new backends", "none added", withMetrics({ backends: { first: 10, last: 12 } })],
];

describe("questions", () => {
  it.each(CASES.map(([question, outcome, facts], i) => [`${question}: ${outcome} (${i})`, question, outcome, facts] as const))("%s", (_name, id, outcome, facts) => {
    const reading = QUESTIONS.find((each) => each.id === id)!.read({ ...NOTHING, ...facts });
    expect(typeof reading === "string" ? reading : reading.outcome).toBe(outcome);
  });
});
