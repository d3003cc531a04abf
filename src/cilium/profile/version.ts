/** Release numbers `major.minor[.patch]`, and the error for one that no profile covers. */

export interface Release {
  readonly major: number;
  readonly minor: number;
  /** Absent in a bare `1.17`. */
  readonly patch: number | undefined;
}

/** Reads `1.17.6`, `v1.17.6`, `1.17`; a kernel's suffix (`6.8.0-45-generic`) is ignored. Undefined when it is none. */
export function parseRelease(text: string): Release | undefined {
  const match = /^v?(\d{1,3})\.(\d{1,3})(?:\.(\d{1,4}))?(?:[-+_].*)?$/.exec(text.trim());
  if (match === null) return undefined;
  return { major: Number(match[1]), minor: Number(match[2]), patch: match[3] === undefined ? undefined : Number(match[3]) };
}

/** Negative, 0 or positive; an absent patch counts as 0. */
export function compareReleases(a: Release, b: Release): number {
  return a.major - b.major || a.minor - b.minor || (a.patch ?? 0) - (b.patch ?? 0);
}

/** No profile covers this release. `nearest` is one that does. */
export class UnknownVersionError extends Error {
  override readonly name = "UnknownVersionError";
  readonly product: "Cilium" | "Linux";
  readonly version: string;
  readonly nearest: string;

  constructor(product: "Cilium" | "Linux", version: string, nearest: string, known: string) {
    super(`no profile for ${product} ${JSON.stringify(version)}; known are ${known}, nearest is ${nearest}`);
    this.product = product;
    this.version = version;
    this.nearest = nearest;
  }
}
