import { describe, expect, it } from "vitest";
import { Diagnostics, InputError, renderDiagnostic, renderDiagnostics, type Diagnostic } from "./diagnostics.js";
import { place, SourceText } from "./source.js";

function report(text: string, start: number, end: number, details: Parameters<Diagnostics["error"]>[2] = {}): Diagnostic {
  const found = new Diagnostics();
  found.error(place(new SourceText("a.yaml", text), start, end), "something is wrong", details);
  return found.sorted()[0]!;
}

describe("a diagnostic", () => {
  it("shows the line, the caret, what was expected and what was meant", () => {
    const found = report("a: 1\nduratoin: 5m\n", 5, 13, {
      expected: "one of duration, seed",
      names: { written: "duratoin", valid: ["seed", "duration"] },
    });
    expect(renderDiagnostic(found)).toBe(
      [
        "a.yaml:2:1: error: something is wrong",
        "   2 | duratoin: 5m",
        "     | ^~~~~~~~",
        "   expected one of duration, seed",
        '   did you mean "duration"?',
      ].join("\n"),
    );
  });

  it("keeps the caret under its letter behind tabs and wide letters", () => {
    expect(renderDiagnostic(report("\tk: x", 4, 5)).split("\n")[2]).toBe("     | \t   ^");
    expect(renderDiagnostic(report("名前: x", 4, 5)).split("\n")[2]).toBe("     |       ^");
  });

  it("underlines no further than the line", () => {
    expect(renderDiagnostic(report("ab: {\n  c: 1\n}", 4, 13)).split("\n")[2]).toBe("     |     ^");
  });

  it("cuts a long line around the caret", () => {
    const lines = renderDiagnostic(report(`${"x".repeat(5000)}Y${"z".repeat(5000)}`, 5000, 5001)).split("\n");
    expect(lines[1]!.length).toBeLessThan(140);
    expect(lines[1]!.indexOf("Y")).toBe(lines[2]!.indexOf("^"));
    expect(lines[1]).toMatch(/^ {3}1 \| …x+Yz+…$/);
  });

  it("never lets the input command the terminal", () => {
    const text = `a: "\u001b[31mred\u0007\u202e"`;
    expect(renderDiagnostic(report(text, 3, 5))).not.toMatch(/[\u001b\u0007\u202e]/);
  });

  it("is coloured only when asked", () => {
    const found = report("a: 1", 0, 1);
    expect(renderDiagnostic(found)).not.toContain("\u001b");
    expect(renderDiagnostic(found, { color: true })).toContain("\u001b[31m");
  });

  it("handles Windows line ends and the end of the file", () => {
    expect(report("a: 1\r\nb: 2\r\n", 6, 7)).toMatchObject({ line: 2, column: 1, sourceLine: "b: 2" });
    expect(report("a: 1\n", 5, 9)).toMatchObject({ line: 2, column: 1, sourceLine: "", length: 1 });
  });
});

describe("a collection", () => {
  it("is sorted by file, line and column, each thing once, and counts", () => {
    const found = new Diagnostics();
    const first = new SourceText("first", "abc\ndef");
    const second = new SourceText("second", "ghi");
    found.openFile("first");
    found.error(place(second, 0), "C");
    found.error(place(first, 5), "B");
    found.error(place(first, 1), "A");
    found.error(place(first, 1), "A");
    found.warning(place(second, 1), "W");
    expect(found.sorted().map(({ message }) => message)).toEqual(["A", "B", "C", "W"]);
    expect(found.warnings().map(({ message }) => message)).toEqual(["W"]);
    expect(renderDiagnostics(found.sorted())).toMatch(/\n\n3 errors$/);
    expect(() => found.throwIfErrors()).toThrow(InputError);
  });

  it("of warnings alone stops nobody", () => {
    const found = new Diagnostics();
    found.warning(place(new SourceText("f", "x"), 0), "W");
    expect(found.hasErrors).toBe(false);
    expect(() => found.throwIfErrors()).not.toThrow();
  });
});
