import { isIPv6 } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatAddress, formatIpv4, htons, ipv4, IPV4_WORDS, ipv6, IPV6_WORDS, parseAddress } from "./address.js";

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
/** Words with many zero groups, so that "::" is met in every place. */
const sparseWord = fc.oneof(int32, fc.constant(0), fc.constant(0xffff), fc.constant(0xffff << 16), fc.constant(0x0100));

describe("addresses", () => {
  it("IPv4 words come back from their text", () => {
    fc.assert(fc.property(int32, (word) => ipv4(formatIpv4(word)) === word));
  });

  it("IPv6 words come back from their text, which is the shortest there is", () => {
    fc.assert(
      fc.property(fc.tuple(sparseWord, sparseWord, sparseWord, sparseWord), (words) => {
        const text = formatAddress(words, 0, IPV6_WORDS);
        expect(isIPv6(text)).toBe(true);
        expect(parseAddress(text)).toEqual(words);
        // WHATWG URLs write IPv6 addresses in RFC 5952 form too.
        expect(new URL(`http://[${text}]/`).hostname).toBe(`[${text}]`);
      }),
    );
  });

  it("lie in memory as in a packet", () => {
    expect(ipv4("10.0.0.1")).toBe(0x0100000a);
    const bytes = [...new Uint8Array(Int32Array.from(ipv6("2001:db8::1")).buffer)];
    expect(bytes).toEqual([0x20, 0x01, 0x0d, 0xb8, ...new Array<number>(11).fill(0), 1]);
    expect(parseAddress("::ffff:10.0.0.1")).toEqual([0, 0, 0xffff << 16, 0x0100000a]);
    expect(formatAddress([1, ipv4("10.1.2.3")], 1, IPV4_WORDS)).toBe("10.1.2.3");
  });

  it.each(["", "10.0.0", "10.0.0.256", "10.0.0.1.2", "::1::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "::10.0.0.256", "g::"])(
    "%j is none",
    (text) => {
      expect(parseAddress(text)).toBeUndefined();
      expect(() => ipv4(text)).toThrow(RangeError);
      expect(() => ipv6(text)).toThrow(RangeError);
    },
  );

  it("htons undoes itself", () => {
    fc.assert(fc.property(fc.nat(0xffff), (port) => htons(htons(port)) === port));
    expect(htons(80)).toBe(0x5000);
  });
});
