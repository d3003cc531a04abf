import { describe, expect, it } from "vitest";
import { alignTabs } from "./tab-writer.js";

describe("alignTabs", () => {
  it("pads every cell but the last of a line by its column's width and three", () => {
    expect(alignTabs("A\tLONG\tC\naaaa\tb\tc\n")).toBe("A      LONG   C\naaaa   b      c\n");
  });

  it("counts characters", () => {
    expect(alignTabs("é\u{1f600}\tx\nab\ty\n")).toBe("é\u{1f600}   x\nab   y\n");
  });

  it("a column ends with the first line that has it not", () => {
    expect(alignTabs("NAMESPACE\tCLUSTER\na\tk\nbbbbbbbbbbbbbbb\nc\tk\n")).toBe("NAMESPACE   CLUSTER\na           k\nbbbbbbbbbbbbbbb\nc   k\n");
  });

  it("keeps empty cells", () => {
    expect(alignTabs("A\tB\tC\n\t\tc\n")).toBe("A   B   C\n        c\n");
  });

  it("a tab within a text makes a column", () => {
    expect(alignTabs("a\tx\ty\nb\tz\n")).toBe("a   x   y\nb   z\n");
  });
});
