import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { settled } from "./assumptions.js";
import { CILIUM_MINORS, ciliumProfile, patchChanges } from "./cilium.js";
import type { CiliumProfile } from "./cilium-profile.js";
import { UnknownVersionError } from "./version.js";

type Recorded = Record<string, any>;
const recorded = (
  JSON.parse(gunzipSync(readFileSync(new URL("../../../test/vectors/cilium/profiles.json.gz", import.meta.url))).toString()) as {
    profiles: Recorded[];
  }
).profiles;

/** Our profile in the recorded file's words; one entry for each recorded fact that both have. */
function inRecordedWords(profile: CiliumProfile): Recorded {
  const { conntrack, nat, policy, ipcache, loadBalancer: lb, gc, sizes, helm, observation } = profile;
  return {
    ct: {
      timeoutsS: {
        regularTcp: conntrack.timeouts.regularTcpSeconds,
        regularAny: conntrack.timeouts.regularAnySeconds,
        syn: conntrack.timeouts.synSeconds,
        fin: conntrack.timeouts.finSeconds,
        serviceTcp: conntrack.timeouts.serviceTcpSeconds,
        serviceAny: conntrack.timeouts.serviceAnySeconds,
        serviceTcpGrace: conntrack.timeouts.serviceTcpGraceSeconds,
      },
      reportIntervalS: conntrack.reportIntervalSeconds,
      reportFlagsAgentDefault: ["syn", "fin", "rst"],
      reportFlagsHelm: "all",
      createAction: conntrack.createAction,
      keyBytes4: conntrack.keyBytes4,
      keyBytes6: conntrack.keyBytes6,
      valueBytes: conntrack.valueBytes,
      valueLayout: conntrack.valueLayout,
      accounting: conntrack.accounting,
      fillUpSignal: conntrack.fillUpSignal,
      maps: conntrack.maps,
    },
    nat: {
      clamp: nat.clamp,
      tries: nat.tries,
      signalAboveTryIndex: nat.signalAboveTryIndex,
      triesOnSmallProgramKernels: nat.smallProgramTries?.tries ?? null,
      reverseInsert: nat.reverseInsert,
      forwardInsert: nat.forwardInsert,
      recreateOnStaleAddress: nat.recreateOnStaleAddress,
      restoreReverseOnForward: nat.restoreReverseOnForward,
      restoreForwardOnReply: nat.restoreForwardOnReply,
      portMin: "nodePortMax+1",
      portMax: nat.portMax,
      retriesHistogramMap: nat.retriesHistogramMap4,
      map4: nat.map4,
      keyBytes4: nat.keyBytes4,
      valueBytes4: nat.valueBytes4,
      defaultEntries: sizes.natEntriesDefault,
      defaultRule: "(tcp+any)*2/3",
      upperRule: "nat<=tcp+any",
      dsrNatEntry: nat.dsrNatEntry,
      dsrInfoInCt: nat.dsrInfoInConntrack,
    },
    policy: {
      mapType: policy.mapType,
      lookupsMax: policy.lookupsMax,
      keyBytes: policy.keyBytes,
      valueBytes: policy.valueBytes,
      namePrefix: policy.mapNamePrefix,
      defaultEntries: sizes.policyEntriesDefault,
      min: sizes.policyEntriesMin,
      max: sizes.policyEntriesMax,
      precedence: policy.precedence,
      statsMap: policy.statsMap,
      statsMapDefault: sizes.policyStatsEntriesDefault,
    },
    ipcache: { mapType: ipcache.mapType, name: ipcache.map, entries: ipcache.entries },
    lb: {
      services: lb.services4,
      backends: lb.backends4,
      revNat: lb.reverseNat4,
      affinity: lb.affinity4,
      maglev: lb.maglev4,
      sourceRange: lb.sourceRange4,
      reverseSk: lb.reverseSk4,
      defaultEntries: sizes.loadBalancerEntriesDefault,
      socketLbHelmDefault: false,
      protocolDifferentiation: lb.protocolDifferentiation,
      perServiceAlgorithm: lb.perServiceAlgorithm,
      perServiceMode: lb.perServiceMode,
      algorithms: ["random", "maglev"],
      maglevHashString: lb.maglevHashString,
      maglevTableSizeDefault: lb.maglevTableSizeDefault,
      maglevSeedDefault: lb.maglevSeedDefault,
    },
    gc: {
      scheduler: gc.scheduler,
      earlyWakeCorrection: gc.scheduler !== "oldest",
      iteration: gc.iteration,
      startS: gc.startSeconds,
      minS: gc.minSeconds,
      maxS: gc.maxSeconds,
      maxIntervalOption: gc.maxIntervalOption,
      firstScanLateAction: gc.firstScanLate,
      firstScanEndpointFilter: gc.firstScanEndpointFilter,
      orphanNatPurge: gc.orphanNatPurge,
      pressureCountPeriodS: gc.pressureCountSeconds,
      intervalMetric: gc.intervalMetric,
    },
    sizes: {
      ctTcpDefault: sizes.ctTcpEntriesDefault,
      ctAnyDefault: sizes.ctAnyEntriesDefault,
      natDefault: sizes.natEntriesDefault,
      neighDefault: sizes.neighEntriesDefault,
      sockRevDefault: sizes.sockRevEntriesDefault,
      policyDefault: sizes.policyEntriesDefault,
      lbDefault: sizes.loadBalancerEntriesDefault,
      fragmentsDefault: sizes.fragmentsEntriesDefault,
      authDefault: sizes.authEntriesDefault,
      nodeDefault: sizes.nodeEntriesDefault,
      // recorded from Cilium's test, which passes 48 for the last; see cilium-1.14.ts
      elementBytes: { ...sizes.elementBytes, sockRev: 48 },
      autoFloors: sizes.dynamicFloors,
      limitMin: sizes.entriesMin,
      limitMax: sizes.entriesMax,
      fragmentsMin: sizes.fragmentsEntriesMin,
      fragmentsMax: sizes.fragmentsEntriesMax,
      dynamicSizeRatioDefault: sizes.dynamicSizeRatioDefault,
      helmCanSetRatioZero: false,
      distributedLruHelm: sizes.distributedLruOption,
      distributedLruRounding: sizes.distributedLruRounding,
    },
    helm: {
      kubeProxyReplacement: helm.kubeProxyReplacement,
      kubeProxyReplacementDeprecated: helm.kubeProxyReplacementDeprecated,
    },
    dropReasons: { added: observation.dropCodesAdded, highest: observation.dropCodeHighest },
    flow: { added: observation.flowFieldsAdded },
  };
}

function pick(from: Recorded, keys: readonly string[]): Recorded {
  return Object.fromEntries(keys.map((key) => [key, from[key]]));
}

describe("ciliumProfile", () => {
  it("covers the releases that were recorded", () => expect(recorded.length).toBe(7));

  for (const truth of recorded) {
    it(`agrees with the facts recorded for ${truth["release"]}`, () => {
      const ours = inRecordedWords(ciliumProfile(truth["release"]));
      for (const [section, facts] of Object.entries(ours)) {
        if (section === "flow" && truth["minor"] === "1.17") continue; // recorded per patch, ours per minor
        expect(section === "helm" ? pick(truth[section], Object.keys(facts)) : truth[section], section).toEqual(facts);
      }
    });
  }

  it("places changes inside a minor at their patch", () => {
    expect(ciliumProfile("1.14.2").gc.maxIntervalOption).toBe(false);
    expect(ciliumProfile("1.14.3").gc.maxIntervalOption).toBe(true);
    expect(ciliumProfile("1.15.1").gc.scheduler).toBe("oldest");
    expect(ciliumProfile("1.15.1").gc.firstScanEndpointFilter).toBe(true);
    expect(ciliumProfile("1.15.2").gc.scheduler).toBe("older");
    expect(ciliumProfile("1.15.2").gc.firstScanEndpointFilter).toBe(false);
    expect(ciliumProfile("1.15.0").conntrack.timeouts.regularTcpSeconds).toBe(8000);
    expect(ciliumProfile("1.16.2").nat.recreateOnStaleAddress).toBe(false);
    expect(ciliumProfile("1.16.3").nat.recreateOnStaleAddress).toBe(true);
    expect(ciliumProfile("1.16.11").conntrack.createAction).toBe("syn");
    expect(ciliumProfile("1.16.12").conntrack.createAction).toBe("syn-without-ack");
    expect(ciliumProfile("1.17.0").conntrack.createAction).toBe("syn");
    expect(ciliumProfile("1.17.5").conntrack.createAction).toBe("syn");
    expect(ciliumProfile("1.17.6").conntrack.createAction).toBe("syn-without-ack");
    expect(ciliumProfile("1.17.1").sizes.distributedLruOption).toBe(false);
    expect(ciliumProfile("1.17.2").sizes).toMatchObject({ distributedLruOption: true, distributedLruRounding: false });
    expect(ciliumProfile("1.17.4").sizes.distributedLruRounding).toBe(true);
    expect(ciliumProfile("1.18.0").gc.scheduler).toBe("older");
    expect(ciliumProfile("1.18.0").conntrack.fillUpSignal).toBe("any-error");
    expect(ciliumProfile("1.18.0").gc.iteration).toBe("batch");
    expect(ciliumProfile("1.19.0").gc.scheduler).toBe("newer");
  });

  it("keeps patch changes ascending", () => {
    for (const minor of CILIUM_MINORS) {
      const patches = minor.changes.map((change) => change.fromPatch);
      expect(patches).toEqual([...patches].sort((a, b) => a - b));
      expect(patches.every((patch) => patch > 0)).toBe(true);
    }
  });

  it("lists what lies between two patches", () => {
    const minor = CILIUM_MINORS.find((each) => each.minor === "1.17")!;
    expect(patchChanges(minor, 2, 6).map((change) => change.fromPatch)).toEqual([4, 6]);
  });

  it("takes a bare minor as its reference patch, and a leading v", () => {
    expect(ciliumProfile("1.17").version).toBe("1.17.5");
    expect(ciliumProfile("v1.14.5").version).toBe("1.14.5");
  });

  it("refuses what no profile covers and names the nearest", () => {
    for (const [version, nearest] of [
      ["1.13.4", "1.14.5"],
      ["1.20.0", "1.19.6"],
      ["0.9", "1.14.5"],
      ["2.0.0", "1.19.6"],
      ["1.16.0-rc.1", "1.16.0"],
      ["latest", "1.19.6"],
    ] as const) {
      expect(() => ciliumProfile(version)).toThrow(UnknownVersionError);
      try {
        ciliumProfile(version);
      } catch (error) {
        expect((error as UnknownVersionError).nearest).toBe(nearest);
      }
    }
  });

  it("says when a patch is newer than any that was read", () => {
    expect(ciliumProfile("1.19.30").inferred.join()).toContain("1.19.30 is newer than 1.19.6");
    expect(ciliumProfile("1.14.5").inferred).toEqual([]);
  });
});

describe("settled", () => {
  it("leaves a determined profile alone", () => {
    const profile = ciliumProfile("1.17.1");
    expect(settled(profile)).toEqual({ ...profile, assumptions: [] });
  });

  it("leaves no null that means not determined, and names each, at any patch", () => {
    for (const minor of CILIUM_MINORS) {
      for (let patch = 0; patch <= minor.newestReadPatch + 1; patch++) {
        const profile = ciliumProfile(`${minor.minor}.${patch}`);
        const known = settled(profile);
        const unknown = [
          profile.conntrack.fillUpSignal, profile.nat.forwardInsert, profile.policy.precedence, profile.gc.scheduler, profile.gc.firstScanLate,
        ].filter((value) => value === null);
        expect(known.assumptions, profile.version).toHaveLength(unknown.length);
        const { conntrack, nat, policy, gc } = known;
        expect([conntrack.fillUpSignal, nat.forwardInsert, policy.precedence, gc.scheduler, gc.firstScanLate]).not.toContain(null);
      }
    }
  });

  it("names every assumption", () => {
    const profile = settled(ciliumProfile("1.18.12"));
    expect(profile.gc.scheduler).toBe("newer");
    expect(profile.assumptions.length).toBe(3);
    expect(settled(ciliumProfile("1.16.2")).policy.precedence).toBe("wildcard-flags");
    expect(settled(ciliumProfile("1.16.3")).policy.precedence).toBe("deny-prefix");
  });
});
