/** `ctlab resolve`: from files and options to the document that is printed. */

import type { ResolveDiffDocument, ResolveDocument } from "../report/resolve-document.js";
import { diffDocument } from "./diff-document.js";
import { resolveDocument } from "./document.js";
import { readResolveInputs, type ResolveInputs, type ResolveOptions, type ResolveSide } from "./inputs.js";
import { pinnedValues } from "./pinned-values.js";
import { resolveConfiguration, type Resolution } from "./resolve.js";

export type { ResolveOptions } from "./inputs.js";

export interface ResolveAnswer {
  /** With `diff` what changes, otherwise what there is. */
  readonly document: ResolveDocument | ResolveDiffDocument;
  /** With `pin` a values file with the sizes; null without, or when the agent refuses them. */
  readonly pinned: string | null;
}

/** Throws an `InputError` with everything that is wrong. */
export function resolveFiles(options: ResolveOptions): ResolveAnswer {
  const inputs = readResolveInputs(options);
  const before = answer(inputs.before, inputs);
  if (inputs.after !== null) return { document: diffDocument(before, answer(inputs.after, inputs)), pinned: null };
  const node = before.resolution.nodes[0];
  const pins = options.pin && node !== undefined && node.refusal === null;
  return { document: before.document, pinned: pins ? pinnedValues(before.resolution, node, before.side.request.profile) : null };
}

interface Answer {
  readonly side: ResolveSide;
  readonly resolution: Resolution;
  readonly document: ResolveDocument;
}

function answer(side: ResolveSide, { remarks, assumptions }: ResolveInputs): Answer {
  const resolution = resolveConfiguration(side.request);
  return { side, resolution, document: resolveDocument({ side, resolution, remarks, assumptions }) };
}
