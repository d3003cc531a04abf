/**
 * Natural logarithm and exponential that give the same bits on every machine and in every engine.
 *
 * ECMAScript leaves `Math.log`, `Math.exp` and `Math.pow` to the implementation ("implementation-approximated"). V8
 * ships one port of fdlibm, but compilers may fuse its multiply-adds on some processors, and the algorithm behind
 * `Math.pow` has changed between releases. Addition, multiplication, division and square root are fixed by the
 * standard to the last bit, so what is built from them alone is reproducible. Good to about 1 ulp (log) and
 * 2 ulp (exp) over the ranges used here; sampling needs far less.
 */

/** ln 2 split so that `exponent * LN2_HIGH` is exact for every exponent of a double (21 trailing zero bits). */
const LN2_HIGH = 0.69314718036912381649;
const LN2_LOW = 1.9082149292705877e-10;
const LOG2_E = 1.4426950408889634;
const SQRT_TWO = Math.SQRT2;

/** Fields of an IEEE 754 double's high word. */
const EXPONENT_SHIFT = 20;
const EXPONENT_BIAS = 1023;
const EXPONENT_MASK = 0x7ff;
const MANTISSA_BITS = 52;
const TWO_POW_54 = 2 ** 54;
const SUBNORMAL_LIMIT = 2 ** -1022;

/** Beyond these `exp` is infinite or zero as a double. */
const EXP_OVERFLOW = 709.782712893384;
const EXP_UNDERFLOW = -745.1332191019412;

/** One double seen as two words; scratch, private to this file, written before each use. */
const scratch = new Float64Array(1);
const scratchWords = new Int32Array(scratch.buffer);
scratch[0] = 1;
/** Index of the word that holds sign and exponent: depends on the machine's byte order. */
const HIGH = scratchWords[1] === EXPONENT_BIAS << EXPONENT_SHIFT ? 1 : 0;

/** 2ⁿ for every normal double, at n + EXPONENT_BIAS. Products with them are exact. */
const POWERS = powersOfTwo();

function powersOfTwo(): Float64Array {
  const powers = new Float64Array(EXPONENT_MASK);
  powers[EXPONENT_BIAS] = 1;
  for (let n = 1; n <= EXPONENT_BIAS; n++) powers[EXPONENT_BIAS + n] = powers[EXPONENT_BIAS + n - 1]! * 2;
  for (let n = 1; n < EXPONENT_BIAS; n++) powers[EXPONENT_BIAS - n] = powers[EXPONENT_BIAS - n + 1]! / 2;
  return powers;
}

function powerOfTwo(n: number): number {
  return POWERS[n + EXPONENT_BIAS]!;
}

/** The exponent n of a positive normal double: 2ⁿ ≤ x < 2ⁿ⁺¹. */
function exponentOf(x: number): number {
  scratch[0] = x;
  return ((scratchWords[HIGH]! >>> EXPONENT_SHIFT) & EXPONENT_MASK) - EXPONENT_BIAS;
}

/** Natural logarithm. NaN for negative numbers and NaN, -Infinity at 0. */
export function portableLog(x: number): number {
  if (!(x > 0)) return x === 0 ? -Infinity : NaN;
  if (x === Infinity) return Infinity;
  if (x < SUBNORMAL_LIMIT) return logOfNormal(x * TWO_POW_54, -54);
  return logOfNormal(x, 0);
}

/** ln (x · 2ⁿ) for a normal x. */
function logOfNormal(x: number, n: number): number {
  const own = exponentOf(x);
  let exponent = n + own;
  let mantissa = own === EXPONENT_BIAS ? (x / 2) * powerOfTwo(1 - own) : x * powerOfTwo(-own);
  if (mantissa > SQRT_TWO) {
    mantissa /= 2;
    exponent += 1;
  }
  return exponent * LN2_HIGH + (logNearOne(mantissa) + exponent * LN2_LOW);
}

/**
 * ln m for m in [√½, √2): with s = (m-1)/(m+1), ln m = 2 (s + s³/3 + s⁵/5 + …); |s| ≤ 0.1716, so the first omitted
 * term, s²³/23·2, is below 2⁻⁵⁶ of s. Written as f - s (f - R) with f = m - 1 to keep the rounding of s small.
 */
function logNearOne(m: number): number {
  const f = m - 1;
  const s = f / (m + 1);
  const z = s * s;
  const tail =
    z *
    (2 / 3 +
      z *
        (2 / 5 +
          z * (2 / 7 + z * (2 / 9 + z * (2 / 11 + z * (2 / 13 + z * (2 / 15 + z * (2 / 17 + z * (2 / 19 + z * (2 / 21))))))))));
  return f - s * (f - tail);
}

/** e to the power x; 0 and Infinity beyond the range of a double. */
export function portableExp(x: number): number {
  if (x !== x) return x;
  if (x > EXP_OVERFLOW) return Infinity;
  if (x < EXP_UNDERFLOW) return 0;
  const exponent = Math.floor(x * LOG2_E + 0.5);
  const high = x - exponent * LN2_HIGH;
  const low = exponent * LN2_LOW;
  return scaleByPowerOfTwo(expNearZero(high - low), exponent);
}

/** 1 / n!, the coefficients of the exponential's series. */
const C3 = 1 / 6;
const C4 = 1 / 24;
const C5 = 1 / 120;
const C6 = 1 / 720;
const C7 = 1 / 5040;
const C8 = 1 / 40_320;
const C9 = 1 / 362_880;
const C10 = 1 / 3_628_800;
const C11 = 1 / 39_916_800;
const C12 = 1 / 479_001_600;
const C13 = 1 / 6_227_020_800;

/** eʳ for |r| ≤ ½ ln 2 by its series; the first omitted term, r¹⁴/14!, is below 2⁻⁵⁷. */
function expNearZero(r: number): number {
  const high = C8 + r * (C9 + r * (C10 + r * (C11 + r * (C12 + r * C13))));
  return 1 + r * (1 + r * (1 / 2 + r * (C3 + r * (C4 + r * (C5 + r * (C6 + r * (C7 + r * high)))))));
}

/** Distance from a double to the next larger one, for x ≥ 2⁻⁹⁶⁹ (below, the distance is no normal double); 0 for 0. */
export function unitInLastPlace(x: number): number {
  if (x === 0) return 0;
  return powerOfTwo(exponentOf(x) - MANTISSA_BITS);
}

/** x · 2ⁿ for n in the range that `portableExp` needs; two steps at the ends, where 2ⁿ alone is no normal double. */
function scaleByPowerOfTwo(x: number, n: number): number {
  if (n > EXPONENT_BIAS) return x * 2 * powerOfTwo(n - 1);
  if (n < 1 - EXPONENT_BIAS) return (x * powerOfTwo(n + 54)) / TWO_POW_54;
  return x * powerOfTwo(n);
}
