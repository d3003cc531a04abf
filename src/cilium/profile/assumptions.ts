/** What stands in for facts that nobody determined, so that a run can go on and say on what it rests. */

import type { CiliumProfile, GcFacts, ConntrackFacts, NatFacts, PolicyFacts } from "./cilium-profile.js";

type Determined<Facts, Field extends keyof Facts> = Omit<Facts, Field> & {
  readonly [Each in Field]: NonNullable<Facts[Each]>;
};

/** A profile without undetermined behaviour; nulls that mean "no such map or period" remain. */
export interface SettledProfile extends Omit<CiliumProfile, "conntrack" | "nat" | "policy" | "gc"> {
  readonly conntrack: Determined<ConntrackFacts, "fillUpSignal">;
  readonly nat: Determined<NatFacts, "forwardInsert">;
  readonly policy: Determined<PolicyFacts, "precedence">;
  readonly gc: Determined<GcFacts, "scheduler" | "firstScanLate">;
  /** One sentence for each assumption that was needed. */
  readonly assumptions: readonly string[];
}

/** Replaces what is not determined: the behaviour of the nearest release that was read. */
export function settled(profile: CiliumProfile): SettledProfile {
  const assumptions: string[] = [];
  const orAssume = <Value>(known: Value | null, assumed: Value, what: string): Value => {
    if (known !== null) return known;
    assumptions.push(`Cilium ${profile.version}: ${what} is not determined; taken as ${JSON.stringify(assumed)}`);
    return assumed;
  };
  const { conntrack, nat, policy, gc } = profile;
  return {
    ...profile,
    conntrack: {
      ...conntrack,
      // v1.18.0 signals on any error
      fillUpSignal: orAssume(conntrack.fillUpSignal, "any-error", "when ct_fill_up is sent"),
    },
    nat: {
      ...nat,
      // tree of 29 May 2025
      forwardInsert: orAssume(nat.forwardInsert, "must-not-exist", "whether the forward NAT insert may overwrite"),
    },
    policy: {
      ...policy,
      // tag v1.16.0, nearest for 1.16.1; tag v1.16.4 is as near for 1.16.3
      precedence: orAssume(policy.precedence, profile.patch <= 2 ? "wildcard-flags" : "deny-prefix", "policy precedence"),
    },
    gc: {
      ...gc,
      // the form with the deadline replaces the older one everywhere it was maintained
      scheduler: orAssume(gc.scheduler, "newer", "the form of the GC interval loop"),
      firstScanLate: orAssume(gc.firstScanLate, "exit", "what a late first GC scan does"),
    },
    assumptions,
  };
}
