/** Arrays whose rows lie within cache lines. Where they lie changes the time that reading takes, and nothing else. */

/** A line of the processors that this is for: x86-64, and arm64 but for Apple's. */
const LINE_BYTES = 64;
/** Where the bytes of a large buffer begin behind a line's: glibc maps a block of its own for it, with a header of this size. */
const HEADER_BYTES = 16;

/** That many words, the first of which begins a line; with another allocator it may not. */
export function lineAligned(words: number): Int32Array {
  const bytes = words * Int32Array.BYTES_PER_ELEMENT;
  return new Int32Array(new ArrayBuffer(bytes + LINE_BYTES), LINE_BYTES - HEADER_BYTES, words);
}
