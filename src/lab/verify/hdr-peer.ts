/** What we encode, read by hdr-histogram-js: an implementation that is not ours. */
import { decodeFromCompressedBase64 } from "hdr-histogram-js";
import { encodeHdr } from "../../report/hdr-encoding.js";
import type { HdrSnapshot } from "../../report/hdr-snapshot.js";
import type { Difference } from "./case.js";
import { firstDifference } from "./compare.js";

/** Counts in doubles. */
const DOUBLE_COUNTS = 64;

/** Undefined when it reads the same number of values and the same percentiles (by their text, such as "99.9"). */
export function differenceAtPeer(
  snapshot: HdrSnapshot,
  expected: { readonly total: number; readonly percentiles: Readonly<Record<string, number>> },
): Difference | undefined {
  const read = decodeFromCompressedBase64(encodeHdr(snapshot), DOUBLE_COUNTS);
  const percentiles = Object.fromEntries(
    Object.keys(expected.percentiles).map((each) => [each, read.getValueAtPercentile(Number(each))]),
  );
  const { total } = expected;
  return firstDifference("encoded, read by hdr-histogram-js", { total, percentiles: expected.percentiles }, { total: read.totalCount, percentiles });
}
