/**
 * Exponential deviates by the ziggurat of Marsaglia and Tsang (2000), with 256 layers of equal area under e^-x.
 *
 * Differences from the printed algorithm: layer and position come from separate random bits (8 and 53 of 64), which
 * removes the correlation that Doornik (2005) found and keeps full resolution; the tables are computed when the
 * module loads, by portable arithmetic, so no printed constant has to be trusted beyond the tail's start.
 */
import { portableExp, portableLog } from "./portable-math.js";

/** What the sampler draws from: uniform 32-bit words. */
export interface WordSource {
  nextUint32(): number;
}

const LAYERS = 256;
const LAYER_MASK = LAYERS - 1;
/** Where the tail starts for 256 layers: the root at which the layers close at the peak. Marsaglia, Tsang, table 1. */
const TAIL_START = 7.69711747013104972;
/** Scales a 53-bit integer to [0, 1). */
const UNIT_53 = 2 ** -53;

/** Right edge of each layer, falling; layer 0 is the base, whose edge counts the tail's area as width. */
const edge = new Float64Array(LAYERS + 1);
/** The density at each edge. */
const height = new Float64Array(LAYERS + 1);
fillTables();

function fillTables(): void {
  const base = portableExp(-TAIL_START);
  // Base strip plus tail: r e^-r + ∫ from r to infinity.
  const area = TAIL_START * base + base;
  edge[0] = area / base;
  edge[1] = TAIL_START;
  height[1] = base;
  for (let i = 2; i < LAYERS; i++) {
    height[i] = height[i - 1]! + area / edge[i - 1]!;
    edge[i] = -portableLog(height[i]!);
  }
  edge[LAYERS] = 0;
  height[LAYERS] = 1;
}

/** One exponential deviate of mean 1. Takes two words in 98 of 100 draws. */
export function exponentialDeviate(source: WordSource): number {
  for (;;) {
    const word = source.nextUint32();
    const layer = word & LAYER_MASK;
    const unit = ((word >>> 8) * 0x20000000 + (source.nextUint32() >>> 3)) * UNIT_53;
    const x = unit * edge[layer]!;
    if (x < edge[layer + 1]!) return x;
    if (layer === 0) return TAIL_START - portableLog(1 - uniform(source));
    const y = height[layer]! + uniform(source) * (height[layer + 1]! - height[layer]!);
    if (y < portableExp(-x)) return x;
  }
}

function uniform(source: WordSource): number {
  return ((source.nextUint32() >>> 5) * 0x4000000 + (source.nextUint32() >>> 6)) * UNIT_53;
}
