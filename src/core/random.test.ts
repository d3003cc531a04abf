/**
 * Streams and samplers. Statistical checks use fixed seeds, so they never fail by chance; their bounds are five
 * standard errors, which a correct sampler with a fresh seed would miss once in 1.7 million checks.
 */
import { describe, expect, it } from "vitest";
import { RandomStream, RandomStreams } from "./random.js";

const SAMPLES = 200_000;
const SIGMAS = 5;

/** The published generator, word by word, on BigInt: the plain twin of the block-filled one. */
function* xoshiro128ss(seed: readonly number[]): Generator<number> {
  const mask = 0xffffffffn;
  const rotl = (x: bigint, k: bigint): bigint => ((x << k) | (x >> (32n - k))) & mask;
  let [s0, s1, s2, s3] = seed.map((word) => BigInt(word >>> 0)) as [bigint, bigint, bigint, bigint];
  for (;;) {
    yield Number((rotl((s1 * 5n) & mask, 7n) * 9n) & mask);
    const t = (s1 << 9n) & mask;
    s2 ^= s0;
    s3 ^= s1;
    s1 ^= s2;
    s0 ^= s3;
    s2 ^= t;
    s3 = rotl(s3, 11n);
  }
}

describe("xoshiro128**", () => {
  it("gives the reference generator's words for the state 1, 2, 3, 4", () => {
    const stream = new RandomStream(1, 2, 3, 4);
    const words = Array.from({ length: 10 }, () => stream.nextUint32());
    expect(words).toEqual([11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804]);
  });

  it("equals the plain twin over several blocks", () => {
    const seed = [0x9e3779b9 | 0, 0x243f6a88, 0xb7e15162 | 0, -1];
    const stream = new RandomStream(seed[0]!, seed[1]!, seed[2]!, seed[3]!);
    const twin = xoshiro128ss(seed);
    for (let i = 0; i < 2000; i++) expect(stream.nextUint32()).toBe(twin.next().value);
  });

  it("escapes the all-zero state", () => {
    const stream = new RandomStream(0, 0, 0, 0);
    const words = Array.from({ length: 100 }, () => stream.nextUint32());
    expect(new Set(words).size).toBeGreaterThan(90);
  });
});

describe("named streams", () => {
  it("depend on seed, run and name, each of them", () => {
    const first = (seed: string | number, run: number, name: string): number =>
      new RandomStreams(seed, run).stream(name).nextUint32();
    const base = first("s", 0, "arrivals/web");
    expect(first("s", 0, "arrivals/web")).toBe(base);
    expect(first("t", 0, "arrivals/web")).not.toBe(base);
    expect(first("s", 1, "arrivals/web")).not.toBe(base);
    expect(first("s", 0, "arrivals/dns")).not.toBe(base);
    expect(first(7, 0, "x")).toBe(first("7", 0, "x"));
  });

  it("do not depend on the order in which they are made or drawn from", () => {
    const one = new RandomStreams("order");
    const a1 = one.stream("a");
    const b1 = one.stream("b");
    const two = new RandomStreams("order");
    const b2 = two.stream("b");
    for (let i = 0; i < 1000; i++) b2.nextUint32();
    const a2 = two.stream("a");
    const fromB1 = Array.from({ length: 1001 }, () => b1.nextUint32());
    expect(b2.nextUint32()).toBe(fromB1[1000]);
    for (let i = 0; i < 600; i++) expect(a2.nextUint32()).toBe(a1.nextUint32());
  });

  it("keep their derivation (a change here changes every run ever made)", () => {
    expect(new RandomStreams("ctlab", 3).stream("arrivals/web").nextUint32()).toMatchInlineSnapshot(`3766945790`);
  });

  it("refuse a name that is taken and a run number that is none", () => {
    const streams = new RandomStreams(1);
    streams.stream("x");
    expect(() => streams.stream("x")).toThrow('random stream "x" is already in use');
    expect(() => new RandomStreams(1, -1)).toThrow(RangeError);
    expect(() => new RandomStreams(1, 0.5)).toThrow(RangeError);
  });
});

describe("uniform numbers", () => {
  it("floats lie in [0, 1) with the mean and variance of the uniform distribution", () => {
    const stream = new RandomStreams("uniform").stream("x");
    let outside = 0;
    const { mean, variance } = moments(() => {
      const x = stream.nextFloat();
      if (!(x >= 0 && x < 1)) outside++;
      return x;
    });
    expect(outside).toBe(0);
    expect(Math.abs(mean - 1 / 2)).toBeLessThan(SIGMAS * Math.sqrt(1 / 12 / SAMPLES));
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(SIGMAS * Math.sqrt(1 / 180 / SAMPLES));
  });

  it.each([1, 2, 3, 7, 100, 1000])("below(%i) hits each number equally often (chi square)", (n) => {
    const stream = new RandomStreams("below").stream(String(n));
    const hits = new Float64Array(n);
    for (let i = 0; i < SAMPLES; i++) hits[stream.below(n)]!++;
    const expected = SAMPLES / n;
    const chi = hits.reduce((sum, hit) => sum + (hit - expected) ** 2 / expected, 0);
    expect(chi).toBeLessThanOrEqual(n - 1 + SIGMAS * Math.sqrt(2 * n) + SIGMAS ** 2);
  });

  it("below rejects the words that would favour small numbers", () => {
    // n just above 2^31: with a bare remainder the numbers below 2^31 - 1 would be drawn twice as often as the others.
    const n = 2 ** 31 + 1;
    const stream = new RandomStreams("bias").stream("x");
    let low = 0;
    for (let i = 0; i < SAMPLES; i++) if (stream.below(n) < n / 2) low++;
    expect(Math.abs(low - SAMPLES / 2)).toBeLessThan((SIGMAS * Math.sqrt(SAMPLES)) / 2);
  });

  it("below takes bounds up to 2^53", () => {
    const stream = new RandomStreams("wide").stream("x");
    const n = 2 ** 40 + 12345;
    const { mean } = moments(() => stream.below(n));
    expect(Math.abs(mean / n - 1 / 2)).toBeLessThan(SIGMAS * Math.sqrt(1 / 12 / SAMPLES));
    expect(stream.below(2 ** 53)).toBeGreaterThan(2 ** 32);
  });

  it.each([0, -1, NaN, 2 ** 53 + 2])("below(%d) is refused", (n) => {
    expect(() => new RandomStreams(1).stream("x").below(n)).toThrow(RangeError);
  });

  it("chance(p) is true with probability p", () => {
    const stream = new RandomStreams("chance").stream("x");
    const { mean } = moments(() => (stream.chance(0.03) ? 1 : 0));
    expect(Math.abs(mean - 0.03)).toBeLessThan(SIGMAS * Math.sqrt((0.03 * 0.97) / SAMPLES));
  });
});

describe("distributions", () => {
  /** Kolmogorov's distance to the distribution function; 2.8 / √n is exceeded once in 3 million samples of size n. */
  function kolmogorov(draw: () => number, distribution: (x: number) => number): void {
    const sorted = Float64Array.from({ length: SAMPLES }, draw).sort();
    let distance = 0;
    sorted.forEach((x, i) => {
      const p = distribution(x);
      distance = Math.max(distance, p - i / SAMPLES, (i + 1) / SAMPLES - p);
    });
    expect(distance * Math.sqrt(SAMPLES)).toBeLessThan(2.8);
  }
  const stream = (name: string): RandomStream => new RandomStreams("distributions").stream(name);

  it("exponential", () => {
    const source = stream("exponential");
    kolmogorov(
      () => source.exponential(40),
      (x) => 1 - Math.exp(-x / 40),
    );
  });

  it("exponential has its mean, variance and tail", () => {
    const source = stream("exponential tail");
    let tail = 0;
    const { mean, variance } = moments(() => {
      const x = source.exponential(1);
      if (x > 8) tail++;
      return x;
    });
    expect(Math.abs(mean - 1)).toBeLessThan(SIGMAS / Math.sqrt(SAMPLES));
    expect(Math.abs(variance - 1)).toBeLessThan(SIGMAS * Math.sqrt(8 / SAMPLES));
    const beyond8 = SAMPLES * Math.exp(-8);
    expect(Math.abs(tail - beyond8)).toBeLessThan(SIGMAS * Math.sqrt(beyond8));
  });

  it("normal", () => {
    const source = stream("normal");
    const { mean, variance } = moments(() => source.normal(3, 2));
    expect(Math.abs(mean - 3)).toBeLessThan((SIGMAS * 2) / Math.sqrt(SAMPLES));
    expect(Math.abs(variance - 4)).toBeLessThan(SIGMAS * 4 * Math.sqrt(2 / SAMPLES));
    kolmogorov(() => source.normal(0, 1), normalDistribution);
  });

  it("lognormal", () => {
    const source = stream("lognormal");
    kolmogorov(
      () => source.lognormal(5, 0.7),
      (x) => normalDistribution(Math.log(x / 5) / 0.7),
    );
  });

  it("pareto", () => {
    const source = stream("pareto");
    kolmogorov(
      () => source.pareto(2, 1.3),
      (x) => 1 - (2 / x) ** 1.3,
    );
  });

  it("weibull", () => {
    const source = stream("weibull");
    kolmogorov(
      () => source.weibull(3, 0.6),
      (x) => 1 - Math.exp(-((x / 3) ** 0.6)),
    );
  });

  it("draws the same deviates on every machine (recorded)", () => {
    const source = stream("recorded");
    expect([source.exponential(1), source.lognormal(1, 1), source.pareto(1, 2), source.weibull(1, 3)]).toMatchInlineSnapshot(`
      [
        0.8065043331813068,
        5.317367590482462,
        2.781333300129822,
        0.28569330829958484,
      ]
    `);
  });
});

function moments(draw: () => number): { mean: number; variance: number } {
  let mean = 0;
  let squares = 0;
  for (let i = 1; i <= SAMPLES; i++) {
    const x = draw();
    const delta = x - mean;
    mean += delta / i;
    squares += delta * (x - mean);
  }
  return { mean, variance: squares / (SAMPLES - 1) };
}

/** The standard normal's distribution function (Abramowitz and Stegun 7.1.26; error below 1.5e-7). */
function normalDistribution(x: number): number {
  const z = Math.abs(x) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * z);
  const poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const erf = 1 - poly * Math.exp(-z * z);
  return x < 0 ? (1 - erf) / 2 : (1 + erf) / 2;
}
