/** `ciliumProfile`: the facts of one Cilium release, picked by its exact patch. */

import { cilium114 } from "./cilium-1.14.js";
import { cilium115 } from "./cilium-1.15.js";
import { cilium116 } from "./cilium-1.16.js";
import { cilium117 } from "./cilium-1.17.js";
import { cilium118 } from "./cilium-1.18.js";
import { cilium119 } from "./cilium-1.19.js";
import { withChanges } from "./cilium-profile.js";
import type { CiliumMinor, CiliumProfile, PatchChange } from "./cilium-profile.js";
import { UnknownVersionError, parseRelease } from "./version.js";

/** Every minor with a profile, ascending. */
export const CILIUM_MINORS: readonly CiliumMinor[] = [cilium114, cilium115, cilium116, cilium117, cilium118, cilium119];

const KNOWN = "1.14 to 1.19";

/**
 * The profile of a release such as `1.14.5`, `v1.17.6` or `1.17` (then the minor's reference patch).
 * A patch newer than any that was read gets the newest facts and says so in `inferred`.
 * Throws `UnknownVersionError` for anything else, pre-releases included.
 */
export function ciliumProfile(version: string): CiliumProfile {
  const text = version.trim();
  const release = parseRelease(text);
  if (release === undefined || /[-+_]/.test(text)) throw new UnknownVersionError("Cilium", version, nearest(text), KNOWN);
  const minor = CILIUM_MINORS.find((each) => each.minor === `${release.major}.${release.minor}`);
  if (minor === undefined) throw new UnknownVersionError("Cilium", version, nearest(text), KNOWN);
  const patch = release.patch ?? minor.referencePatch;
  const facts = minor.changes
    .filter((change) => change.fromPatch <= patch)
    .reduce((each, change) => withChanges(each, change.set), minor.facts);
  const beyond =
    patch > minor.newestReadPatch
      ? [`${minor.minor}.${patch} is newer than ${minor.minor}.${minor.newestReadPatch}, the newest patch that was read`]
      : [];
  return { version: `${minor.minor}.${patch}`, minor: minor.minor, patch, inferred: [...minor.inferred, ...beyond], ...facts };
}

/** Patch-level changes after `from` up to and including `to` of the same minor, for explaining an upgrade. */
export function patchChanges(minor: CiliumMinor, from: number, to: number): readonly PatchChange[] {
  return minor.changes.filter((change) => change.fromPatch > from && change.fromPatch <= to);
}

/** Fields of the flow API that a minor has beyond 1.14's, as `Message.field=number`. */
export function flowFields(minor: string): readonly string[] {
  const last = CILIUM_MINORS.findIndex((each) => each.minor === minor);
  return CILIUM_MINORS.slice(0, last + 1).flatMap(({ facts }) => facts.observation.flowFieldsAdded);
}

function nearest(text: string): string {
  const first = CILIUM_MINORS[0]!;
  const last = CILIUM_MINORS[CILIUM_MINORS.length - 1]!;
  const release = parseRelease(text);
  if (release === undefined) return reference(last);
  const sought = release.major * 1000 + release.minor;
  const exact = CILIUM_MINORS.find((each) => each.minor === `${release.major}.${release.minor}`);
  if (exact !== undefined) return `${exact.minor}.${release.patch ?? exact.referencePatch}`;
  return sought < 1014 ? reference(first) : reference(last);
}

function reference(minor: CiliumMinor): string {
  return `${minor.minor}.${minor.referencePatch}`;
}
