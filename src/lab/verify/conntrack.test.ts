import { describe, expect, it } from "vitest";
import { outcomes, recorded } from "../../../test/support/verify.js";
import { VectorFileError } from "./case.js";
import type { CaseOutcome } from "./case.js";
import { verifyConntrack } from "./conntrack.js";

const FILE = "conntrack-vectors.json.gz";

interface Root {
  count: number;
  vectors: Record<string, unknown>[];
}

function root(): Root {
  return JSON.parse(recorded(FILE).text) as Root;
}

/** Outcome of one vector, after a change to it. */
async function changed(id: string, change: (vector: never) => void): Promise<CaseOutcome> {
  const all = root();
  const vector = all.vectors.find((each) => each["id"] === id)!;
  change(vector as never);
  const text = JSON.stringify({ ...all, count: 1, vectors: [vector] });
  return (await outcomes(verifyConntrack, { ...recorded(FILE), text }))[0]!;
}

describe("verify conntrack", () => {
  it("agrees with every vector of every kind", async () => {
    const all = await outcomes(verifyConntrack, recorded(FILE));
    expect(all.filter(({ difference }) => difference !== undefined)).toEqual([]);
    expect(all.length).toBe(43);
  });

  it("counts an unknown kind, field or name as failed", async () => {
    for (const change of [
      (vector: { kind: string }) => (vector.kind = "ct-next"),
      (vector: { surprise: number }) => (vector.surprise = 1),
      (vector: { config: { surprise: number } }) => (vector.config.surprise = 1),
      (vector: { config: { tracePayloadLen: number } }) => (vector.config.tracePayloadLen = 64),
      (vector: { steps: { expect: { surprise: number } }[] }) => (vector.steps[0]!.expect.surprise = 1),
      (vector: { steps: { src: string }[] }) => (vector.steps[0]!.src = "10.0.1.999:1"),
    ]) {
      expect((await changed("ct-same-node-pair", change)).difference).toBeDefined();
    }
    expect((await changed("prog-terminating-backend", (vector: { steps: { change?: string }[] }) => (vector.steps[1]!.change = "reboot"))).difference)
      .toMatchObject({ actual: "reboot" });
    expect((await changed("prog-nodeport-revnat-evicted", () => undefined)).difference).toMatchObject({ where: "setup.after" });
  });

  it.each([
    ["ct-service-lifecycle", "steps.2.expect.stateOut.closing", 0],
    ["ct-service-lifecycle", "steps.3.expect.monitor", 128],
    ["ct-rst-on-established", "steps.0.expect.mapLookups", 1],
    ["ct-insert-fails-main", "steps.1.expect.create.extErr", -12],
    ["ct-insert-fails-main", "steps.1.expect.create.signals", []],
    ["ct-same-node-pair", "steps.0.expect.map.0.key.rawHex", "00"],
    ["ct-same-node-pair", "steps.0.expect.map.0.entry.lifetime", 1],
    ["ct-same-node-pair", "steps.0.expect.map", []],
    ["ct-unit-report-cadence", "steps.1.expect.report", false],
    ["ct-unit-report-cadence", "steps.3.expect.rx_flags_seen", []],
    ["nat-probe-sequence", "steps.1.expect.toPort", 1],
    ["nat-probe-sequence", "steps.1.expect.mapUpdateAttempts", 6],
    ["nat-exhausted-cycle", "distinctPortsTried", 30],
    ["nat-exhausted-cycle", "steps.1.expect.signals", []],
    ["nat-reverse-port-out-of-range", "steps.0.expect.verdict", "no-mapping"],
    ["nat-icmp-error-ingress-tcp", "expect.inner", "ENDPOINT:3031 -> WORLD:80"],
    ["nat-icmp-error-ingress-icmp", "expect.outer", "ROUTER -> HOST"],
    ["nat-icmp-error-sctp-unsupported", "expect.dropReasonWhenPortChanges", 155],
    ["nat-port-allocation-quality", "expect.failureShareAtEnd", "< 10 %"],
    ["gc-expired-tcp-removes-nat-pair", "expect.natLeft", 1],
    ["gc-expired-tcp-removes-nat-pair", "ct.0.map", "ct_any4_global"],
    ["gc-orphan-nat-purge", "steps.1.expect.egressAlive", 0],
    ["gc-interval-function", "cases.3.expectSeconds", 37],
    ["hash-jhash3", "cases.0.expect", 1],
    ["prog-nodeport-snat-remote", "steps.0.expect.srcPortChanged", false],
    ["prog-nodeport-snat-remote", "steps.0.expect.natEntries", 1],
    ["prog-nodeport-snat-remote", "steps.1.expect.out.src", "172.16.10.3:80"],
    ["prog-dsr-lb", "steps.0.expect.ipOption.port", 81],
    ["prog-no-backend", "cases.1.expect.dropReason", 157],
    ["prog-hairpin", "steps.0.expect.ctEntries", []],
    ["prog-policy-deny-egress", "steps.0.expect.metric.count", 2],
    ["prog-egw-stale-nat", "steps.1.expect.ctPackets", 3],
  ])("%s: counts %s = %j as failed", async (id, path, value) => {
    const outcome = await changed(id, (vector: Record<string, never>) => {
      const keys = path.split(".");
      const last = keys.pop()!;
      let at: Record<string, unknown> = vector;
      for (const key of keys) at = at[key] as Record<string, unknown>;
      at[last] = value;
    });
    expect(outcome.difference).toBeDefined();
  });

  it("refuses damaged files with line and reason", async () => {
    const whole = recorded(FILE);
    const refused = async (text: string): Promise<void> => {
      await expect(outcomes(verifyConntrack, { ...whole, text })).rejects.toThrow(VectorFileError);
    };
    await refused(whole.text.slice(0, whole.text.length / 3));
    await refused("{}");
    await refused(JSON.stringify({ ...root(), format: "other" }));
    await refused(JSON.stringify({ ...root(), count: 1 }));
  });
});
