import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { didYouMean, nearestPath, type PathKind } from "./nearest-path.js";

const folder = mkdtempSync(join(tmpdir(), "ctlab-nearest-"));
/** The same from where the tests run. */
const here = relative(process.cwd(), folder);

beforeAll(() => {
  for (const name of ["reports/incident", "scenarios"]) mkdirSync(join(folder, name), { recursive: true });
  for (const name of ["scenarios/incident.yaml", "reports/incident.json", "reports/incident/flows.jsonl"]) writeFileSync(join(folder, name), "");
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe("the nearest path", () => {
  it.each<[written: string, kind: PathKind, meant: string | undefined]>([
    ["scenarios/incdient.yaml", "file", "scenarios/incident.yaml"],
    ["scenarois", "folder", "scenarios"],
    ["scenarois/incident.yaml", "file", "scenarios/incident.yaml"],
    ["scenarois/incdient.yaml", "file", "scenarios/incident.yaml"],
    // The file's name is as near as the folder's.
    ["reports/incidents", "folder", "reports/incident"],
    ["reports/incident/flow.jsonl", "either", "reports/incident/flows.jsonl"],
    ["reports/incidnet/", "folder", "reports/incident"],
    ["scenarios/incident", "file", "scenarios/incident.yaml"],
    // Endings are shared by many files.
    ["scenarios/resident.yaml", "file", undefined],
    // A folder of that name is no file.
    ["scenario", "file", undefined],
    ["scenarios/anything.txt", "either", undefined],
    ["elsewhere/incident.yaml", "file", undefined],
    ["scenarios/incident.yaml/x", "file", undefined],
    ["scenarios/incident.yaml", "file", undefined],
  ])("%s (%s): %s", (written, kind, meant) => {
    expect(nearestPath(`${here}/${written}`, kind)).toBe(meant === undefined ? undefined : `${here}/${meant}`);
  });

  it("keeps the path as it was written but for the name", () => {
    expect(nearestPath(`./${here}/../${basename(folder)}/scenarois`, "folder")).toBe(`./${here}/../${basename(folder)}/scenarios`);
    expect(nearestPath("")).toBeUndefined();
  });

  it("from the root on", () => {
    expect(nearestPath(join(folder, "report", "incident"), "folder")).toBe(join(folder, "reports", "incident"));
  });

  it("as a line below a message, none when nothing is near", () => {
    expect(didYouMean(`${here}/scenario`)).toBe(`\n   did you mean "${here}/scenarios"?`);
    expect(didYouMean(`${here}/elsewhere`)).toBe("");
  });
});
