/** The maps whose sizes follow from the load, and the Helm values that set them. */

/** Helm values that size maps of connections, with the maps of both families that each of them sizes. */
export const SIZED_MAPS = {
  "bpf.ctTcpMax": ["ct4_global", "ct6_global"],
  "bpf.ctAnyMax": ["ct_any4_global", "ct_any6_global"],
  "bpf.natMax": ["snat_v4_external", "snat_v6_external"],
} as const;

export type SizedValue = keyof typeof SIZED_MAPS;
export type SizedMap = (typeof SIZED_MAPS)[SizedValue][number];

export const SIZED_VALUES = Object.keys(SIZED_MAPS) as readonly SizedValue[];
/** Their maps, in the order of reports. */
export const CONNECTION_MAPS: readonly SizedMap[] = SIZED_VALUES.flatMap((value) => SIZED_MAPS[value]);

export function valueOf(map: string): SizedValue | undefined {
  return SIZED_VALUES.find((value) => SIZED_MAPS[value].some((each) => each === map));
}

/** Smallest and largest size that the agent takes. LimitTableMin, LimitTableMax of pkg/option/config.go. */
export const SIZE_MIN = 1 << 10;
export const SIZE_MAX = 1 << 24;
/** Steps within each doubling: sizes that people can read, at most a quarter larger than asked for. */
const STEPS = 4;

/** The next size worth writing down: a power of two, or one of three steps on the way to the next. */
export function niceSize(entries: number): number {
  const needed = Math.min(SIZE_MAX, Math.max(SIZE_MIN, Math.ceil(entries)));
  const step = 2 ** (31 - Math.clz32(needed)) / STEPS;
  return Math.ceil(needed / step) * step;
}
