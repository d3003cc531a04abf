// Puts what runs into few files, after the compiler has written one for each module. Results are the same, and so are
// the modules for all others.
//
// A simulating thread: V8 compiles calls and constants within a module to less code than those between modules; a run
// takes 6 to 10 % less time. The command line: hundreds of small modules take longer to find and open than to run, half
// of what a command takes before it begins. `ctlab resolve`: see src/cli/bundle.ts.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { rolldown } from "rolldown";

const dist = fileURLToPath(new URL("../dist", import.meta.url));
const PACKAGES = /^[^./]/;
/** Packages that `ctlab resolve` needs. */
const INLINED = ["commander", "picocolors", "yaml"];
/** Packages that every command with a scenario needs. */
const INLINED_IN_PROGRAM = [...INLINED, "zod"];
/** The form of `yaml` in ES modules, of which only what is used is taken. */
const YAML = { yaml: fileURLToPath(new URL("../node_modules/yaml/browser/dist/index.js", import.meta.url)) };
/** Modules whose lazy parts are needed by `ctlab resolve`. What other commands load lazily is not in its file. */
const LAZY = /cli[\\/](?:program|resolve)\.js$/;
const CHUNKS = "chunks";
const CHILD_PROCESS = "node:child_process";
/** Takes the command through most of its code. */
const REHEARSAL = ["resolve", "-f", "scenarios/values/incident.yaml", "--node", "16cpu,64Gi", "--cilium", "1.14"];

await bundleWorker(`${dist}/lab/worker.js`);
await bundleResolve(`${dist}/cli/program.js`, `${dist}/cli/resolve.cjs`);
// From here on its modules are no longer what the compiler wrote.
await bundleProgram(`${dist}/cli/program.js`);
await cacheCode(`${dist}/cli/resolve.cjs.code`);

async function bundleWorker(file) {
  const bundle = await rolldown({ input: file, platform: "node", external: PACKAGES });
  await bundle.write({ file, format: "esm", codeSplitting: false });
  await bundle.close();
}

async function bundleResolve(input, file) {
  const bundle = await rolldown({
    input,
    platform: "node",
    external: (id) => PACKAGES.test(id) && !INLINED.includes(id) && id !== CHILD_PROCESS,
    resolve: { alias: YAML },
    plugins: [
      { name: "lazy", resolveDynamicImport: (id, importer) => (LAZY.test(importer) ? null : { id, external: true }) },
      // With it commander starts commands that are programs of their own. There are none.
      { name: "no-child-process", resolveId: (id) => (id === CHILD_PROCESS ? "\0none" : null), load: (id) => (id === "\0none" ? "" : null) },
    ],
  });
  await bundle.write({ file, format: "cjs", codeSplitting: false, banner: INLINED.map(notice).join("\n") });
  await bundle.close();
}

/** The command line, and in chunks beside it what commands load when they run. */
async function bundleProgram(file) {
  const bundle = await rolldown({
    input: file,
    platform: "node",
    external: (id) => PACKAGES.test(id) && !INLINED_IN_PROGRAM.includes(id),
    resolve: { alias: YAML },
  });
  rmSync(`${dist}/${CHUNKS}`, { recursive: true, force: true });
  const { output } = await bundle.write({
    dir: dist,
    entryFileNames: "cli/program.js",
    // As deep as the modules that tell other files' places from their own.
    chunkFileNames: `${CHUNKS}/[name].js`,
    format: "esm",
    banner: ({ moduleIds }) => INLINED_IN_PROGRAM.filter((name) => moduleIds.some((id) => id.includes(`/node_modules/${name}/`))).map(notice).join("\n"),
  });
  await bundle.close();
  const { dependencies, optionalDependencies } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  const installed = Object.keys({ ...dependencies, ...optionalDependencies });
  const outside = new Set(output.flatMap(({ imports, dynamicImports }) => [...imports, ...dynamicImports]).filter((id) => PACKAGES.test(id)));
  const strange = [...outside].filter((id) => !/^(?:node:|cli\/|chunks\/)/.test(id) && !installed.some((name) => id === name || id.startsWith(`${name}/`)));
  if (strange.length > 0) throw new Error(`The command line would need ${strange.join(", ")}, which nobody installs with it.`);
}

/** A package's licence, which goes wherever its code goes. */
function notice(name) {
  const licence = readFileSync(new URL(`../node_modules/${name}/LICENSE`, import.meta.url), "utf8").trim();
  return `/*\n${name}\n\n${licence.replaceAll("*/", "* /")}\n*/`;
}

/** Runs the command and keeps V8's code for what ran. */
async function cacheCode(file) {
  const { loadBundle } = await import("../dist/cli/bundle.js");
  const { program, code } = loadBundle();
  const write = process.stdout.write;
  process.stdout.write = () => true;
  process.chdir(dirname(dist));
  for (const more of [[], ["--json"], ["--diff-set", "bpf.ctTcpMax=1048576"], ["--pin"]]) await program.runCli([...REHEARSAL, ...more]);
  process.stdout.write = write;
  // V8 takes code only under the flags with which it was made; the command changes them after it is loaded.
  setFlagsFromString("--opt");
  writeFileSync(file, code());
}
