/**
 * Every property test takes its cases from one seed, which `vitest.config.ts` derives from the commit: the same commit
 * is always judged by the same cases, the next one by others.
 */
import fc from "fast-check";

const seed = process.env["CTLAB_PROPERTY_SEED"];
if (seed !== undefined && seed !== "random") fc.configureGlobal({ seed: Number(seed) });
