/** Facts as JSON and back: releases and kernels by their versions, maps as lists. */
import { settled } from "../cilium/profile/assumptions.js";
import { ciliumProfile } from "../cilium/profile/cilium.js";
import { kernelProfile } from "../cilium/profile/kernel.js";
import type { Facts, NodeFacts } from "./facts.js";

interface NodeJson extends Omit<NodeFacts, "cilium" | "kernel"> {
  readonly cilium: string | null;
  readonly kernel: string | null;
}

export interface FactsJson extends Omit<Facts, "node" | "maps"> {
  readonly node: NodeJson;
  readonly maps: readonly (readonly [string, unknown])[];
}

export function factsToJson({ node, maps, ...rest }: Facts): FactsJson {
  return { ...rest, node: { ...node, cilium: node.cilium?.version ?? null, kernel: node.kernel?.version ?? null }, maps: [...maps] };
}

export function factsFromJson({ node, maps, ...rest }: FactsJson): Facts {
  return {
    ...rest,
    node: {
      ...node,
      cilium: node.cilium === null ? null : settled(ciliumProfile(node.cilium)),
      kernel: node.kernel === null ? null : kernelProfile(node.kernel),
    },
    maps: new Map(maps) as Facts["maps"],
  };
}
