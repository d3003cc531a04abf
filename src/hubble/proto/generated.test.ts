/** What is committed is what the .proto files say. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

interface Generator {
  generateHubble(): { readonly name: string; readonly text: string }[];
}

describe("generated messages", () => {
  it("equal what `npm run generate` writes", async () => {
    const generator = (await import(new URL("../../../scripts/generate-hubble.mjs", import.meta.url).href)) as Generator;
    const files = generator.generateHubble();
    expect(files.map(({ name }) => name).sort()).toEqual(["flow_pb.ts", "health_pb.ts", "observer_pb.ts", "peer_pb.ts", "relay_pb.ts"]);
    for (const { name, text } of files) expect(text === readFileSync(new URL(name, import.meta.url), "utf8"), `${name} is out of date`).toBe(true);
  });
});
