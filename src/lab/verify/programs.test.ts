import { describe, expect, it } from "vitest";
import { outcomes, recorded, tampered } from "../../../test/support/verify.js";
import { VectorFileError } from "./case.js";
import type { VectorFile } from "./case.js";
import { verifyPrograms } from "./programs.js";

const FOLDER = "../cilium-programs";
const file = (family: string): VectorFile => recorded(`${FOLDER}/${family}.json.gz`);

/** Vectors by family, and packets (or Maglev clients) in them. */
const FAMILIES = [
  ["pod-pod", 9],
  ["policy", 8],
  ["clusterip", 12],
  ["masquerade", 9],
  ["nodeport", 18],
  ["dsr", 4],
  ["xdp", 7],
  ["tunnel", 6],
  ["udp-icmp", 6],
  ["eviction", 28],
  ["no-bpf-masquerade", 3],
  ["map-operations", 14],
  ["map-pressure", 2],
  ["maglev-hash", 8],
  ["random-1", 4],
  ["random-2", 4],
  ["random-3", 2],
] as const;

describe("verify programs", () => {
  it.each(FAMILIES)("agrees with every packet of %s", async (family, vectors) => {
    const all = await outcomes(verifyPrograms, file(family));
    expect(all.filter(({ difference }) => difference !== undefined)).toEqual([]);
    expect(all.length).toBe(vectors);
    expect(all.every(({ compared }) => (compared ?? 0) > 0)).toBe(true);
  });

  it.each([
    ["vectors.0.config", "other"],
    ["vectors.0.surprise", 1],
    ["vectors.0.steps.0.op", "reboot"],
    ["vectors.0.steps.0.at", "pod:Z"],
    ["vectors.0.steps.0.expect.surprise", 1],
    ["vectors.0.steps.0.expect.out.surprise", 1],
    ["vectors.0.steps.0.packet.src", "10.1.0"],
    ["vectors.0.steps.0.random", [1]],
    ["vectors.0.steps.0.expect.signals", ["ct_fill_up"]],
    ["vectors.0.final", []],
  ])("counts %s = %j as failed", async (path, value) => {
    const all = await outcomes(verifyPrograms, withCount(tampered(`${FOLDER}/pod-pod.json.gz`, path, value, 1)));
    expect(all.filter(({ difference }) => difference !== undefined).length).toBe(1);
  });

  it("counts a wrong Maglev slot as failed", async () => {
    const [, , slot] = JSON.parse(file("maglev-hash").text).vectors[0].cases[7] as [string, number, number];
    const changed = tampered(`${FOLDER}/maglev-hash.json.gz`, "vectors.0.cases.7", ["1.2.3.4", 5, slot + 1], 1);
    const all = await outcomes(verifyPrograms, withCount(changed));
    expect(all[0]?.difference?.where).toMatch(/^case 7 /);
  });

  it("notices a change in any expected value", async () => {
    const missed: string[] = [];
    for (const [family, id] of SWEPT) {
      const whole = file(family);
      const root = JSON.parse(whole.text);
      const vector = root.vectors.find((each: { id: string }) => each.id === id);
      for (const [i, step] of vector.steps.entries()) {
        for (const path of leaves(step.expect ?? {}, [])) {
          if (path.includes("badChecksum")) continue;
          const copy = structuredClone({ ...vector, steps: vector.steps.slice(0, i + 1) });
          change(copy.steps[i].expect, path);
          const text = JSON.stringify({ ...root, count: 1, vectors: [copy] });
          const [outcome] = await outcomes(verifyPrograms, { ...whole, text });
          if (outcome?.difference === undefined) missed.push(`${id} step ${i} ${path.join(".")}`);
        }
      }
    }
    expect(missed).toEqual([]);
  });

  it("refuses damaged files with line and reason", async () => {
    const whole = file("dsr");
    const refused = async (text: string): Promise<void> => {
      await expect(outcomes(verifyPrograms, { ...whole, text })).rejects.toThrow(VectorFileError);
    };
    await refused(whole.text.slice(0, whole.text.length / 2));
    await refused("[]");
    await refused("{}");
    await refused(whole.text.replace("ctlab-cilium-programs/1", "ctlab-cilium-programs/9"));
    await refused(whole.text.replace('"count":4', '"count":5'));
  });
});

/** Short vectors that between them have every kind of expectation. */
const SWEPT = [
  ["map-operations", "ops-p1-udp"],
  ["dsr", "dsr-lb-udp"],
  ["xdp", "xdp-maglev-outside"],
  ["policy", "policy-match-proxy"],
  ["nodeport", "nodeport-no-backends"],
] as const;

function* leaves(value: unknown, path: string[]): Generator<string[]> {
  if (typeof value !== "object" || value === null) {
    yield path;
    return;
  }
  for (const [key, each] of Object.entries(value)) yield* leaves(each, [...path, key]);
}

function change(root: Record<string, unknown>, path: readonly string[]): void {
  let at = root;
  for (const key of path.slice(0, -1)) at = at[key] as Record<string, unknown>;
  const last = path.at(-1)!;
  const value = at[last];
  at[last] = typeof value === "number" ? value + 1 : typeof value === "boolean" ? !value : `${String(value)}x`;
}

/** A cut file says how many vectors are left. */
function withCount(changed: VectorFile): VectorFile {
  const root = JSON.parse(changed.text) as { vectors: unknown[] };
  return { ...changed, text: JSON.stringify({ ...root, count: root.vectors.length }) };
}
