/**
 * `ctlab resolve` in one file, which `scripts/bundle.mjs` writes with V8's code for it: of 180 modules, finding and
 * opening them takes longer than what they do.
 */

// An import of these would first make a module of everything that they export.
const { readFileSync, statSync } = process.getBuiltinModule("node:fs");
const { createRequire } = process.getBuiltinModule("node:module");
const { constants, Script } = process.getBuiltinModule("node:vm");

type Program = typeof import("./program.js");

export interface Bundle {
  readonly program: Program;
  /** Whether V8 took the code that lies beside the file. */
  readonly isCodeTaken: boolean;
  /** V8's code for the file, functions that have run included: the cache of the next start. */
  readonly code: () => Buffer;
}

const MODULES = new URL("program.js", import.meta.url);
const BUNDLE = new URL("resolve.cjs", import.meta.url);
const CODE = new URL("resolve.cjs.code", import.meta.url);

/** Within this time an installation is copied, in whatever order. */
const COPYING_MS = 10_000;

/** Loads the file; null where it was not built, or modules were built since. Code of another V8 is compiled anew. */
export function loadBundle(): Bundle | null {
  const source = readIfThere(BUNDLE);
  if (source === null || statSync(BUNDLE).mtimeMs + COPYING_MS < statSync(MODULES).mtimeMs) return null;
  const filename = decodeURIComponent(BUNDLE.pathname);
  const cachedData = readIfThere(CODE);
  const script = new Script(`(function (exports, require, __filename) {${source.toString()}\n})`, {
    filename,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    ...(cachedData === null ? {} : { cachedData }),
  });
  const program = {};
  script.runInThisContext()(program, createRequire(BUNDLE), filename);
  return { program: program as Program, isCodeTaken: script.cachedDataRejected === false, code: () => script.createCachedData() };
}

function readIfThere(file: URL): Buffer | null {
  try {
    return readFileSync(file);
  } catch {
    return null;
  }
}
