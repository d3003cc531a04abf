/** lookup3 as its text describes it, on bytes and with big integers. */
const MASK = 0xffffffffn;

export function plainJhash(bytes: Uint8Array, seed: number): number {
  const start = (0xdeadbeefn + BigInt(bytes.length) + BigInt(seed)) & MASK;
  const v: Record<string, bigint> = { a: start, b: start, c: start };
  let at = 0;
  const add = (): void => {
    for (const name of "abc") {
      for (let i = 0n; i < 4n; i++) v[name] = (v[name]! + (BigInt(bytes[at++] ?? 0) << (8n * i))) & MASK;
    }
  };
  while (bytes.length - at > 12) {
    add();
    for (const [x, y, n, z] of [["a", "c", 4, "b"], ["b", "a", 6, "c"], ["c", "b", 8, "a"], ["a", "c", 16, "b"], ["b", "a", 19, "c"], ["c", "b", 4, "a"]] as const) {
      v[x] = (v[x]! - v[y]!) & MASK;
      v[x] ^= rotate(v[y]!, n);
      v[y] = (v[y]! + v[z]!) & MASK;
    }
  }
  add();
  for (const [x, y, n] of [["c", "b", 14], ["a", "c", 11], ["b", "a", 25], ["c", "b", 16], ["a", "c", 4], ["b", "a", 14], ["c", "b", 24]] as const) {
    v[x]! ^= v[y]!;
    v[x] = (v[x]! - rotate(v[y]!, n)) & MASK;
  }
  return Number(v["c"]);
}

function rotate(word: bigint, by: number): bigint {
  return ((word << BigInt(by)) | (word >> BigInt(32 - by))) & MASK;
}
