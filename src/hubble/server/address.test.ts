import { describe, expect, it } from "vitest";
import { listenAddress } from "./address.js";

describe("addresses to listen at", () => {
  it.each(["127.0.0.1:4245", "127.3.2.1:0", "localhost:4245", "[::1]:4245", "unix:/run/x.sock", "unix:///run/x.sock"])("%s stays on this machine", (text) => {
    expect(listenAddress(text)?.loopback).toBe(true);
  });

  it.each(["0.0.0.0:4245", ":4245", "[::]:4245", "10.0.0.7:4245", "node.example:4245", "127.0.0.1.example:1", "[fe80::1]:4245"])(
    "%s can be reached from elsewhere",
    (text) => {
      expect(listenAddress(text)?.loopback).toBe(false);
    },
  );

  it.each(["", "4245", "localhost", "localhost:", "a:b", "[localhost]:1", "1:2:3", "127.0.0.1:65536", "unix:"])("%j is none", (text) => {
    expect(listenAddress(text)).toBeUndefined();
  });

  it("without a host means every address", () => {
    expect(listenAddress(":4245")).toMatchObject({ target: "[::]:4245", port: 4245 });
  });
});
