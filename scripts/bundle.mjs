// Puts what runs into few files, after the compiler has written one for each module.
//
// A simulating thread: V8 compiles calls and constants within a module to less code than those between modules; a run
// takes 6 to 10 % less time. The command line: a file that is looked up and opened costs more than the code in it, and
// `ctlab resolve` needs 180 of them; it starts in half the time. Results are the same, and so are the modules for all
// others.
import { rmSync } from "node:fs";
import { dirname, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const dist = fileURLToPath(new URL("../dist", import.meta.url));
const PACKAGES = /^[^./]/;
/** Packages that every command, or `ctlab resolve`, needs at once; the others stay where npm puts them. */
const INLINED = ["commander", "picocolors", "yaml"];
/** What `ctlab resolve` loads when it runs. */
const RESOLVE = /dist[\\/](lab[\\/]resolve-files|report[\\/](resolve-text|resolve-diff-text|terminal|json)|cli[\\/]failure)\.js$/;
const CHUNKS = "chunks";

await bundleWorker(`${dist}/lab/worker.js`);
await bundleCommandLine(`${dist}/main.js`);

async function bundleWorker(file) {
  const bundle = await rolldown({ input: file, platform: "node", external: PACKAGES });
  await bundle.write({ file, format: "esm", codeSplitting: false });
  await bundle.close();
}

async function bundleCommandLine(file) {
  const bundle = await rolldown({
    input: file,
    platform: "node",
    external: (id) => PACKAGES.test(id) && !INLINED.includes(id),
    // The form of `yaml` in ES modules, of which only what is used is taken.
    resolve: { alias: { yaml: fileURLToPath(new URL("../node_modules/yaml/browser/dist/index.js", import.meta.url)) } },
    plugins: [{ name: "module-urls", transform: keepModuleUrl }],
  });
  rmSync(`${dist}/${CHUNKS}`, { recursive: true, force: true });
  await bundle.write({
    dir: dist,
    format: "esm",
    entryFileNames: "[name].js",
    chunkFileNames: `${CHUNKS}/[name].js`,
    codeSplitting: {
      groups: [
        // The entry waits for the command, which needs these: it stands apart, or both would wait for ever.
        { name: "start", tags: ["$initial"], test: (id) => id !== file, priority: 2 },
        { name: "resolve", test: RESOLVE, priority: 1 },
      ],
    },
  });
  await bundle.close();
}

/** `import.meta.url` stays the address of the module as the compiler wrote it: files beside it are found as before. */
function keepModuleUrl(code, id) {
  if (!id.startsWith(dist) || !code.includes("import.meta.url")) return null;
  const fromChunk = relative(`${dist}/${CHUNKS}`, id).replaceAll("\\", "/");
  return { code: code.replaceAll("import.meta.url", `new URL(${JSON.stringify(fromChunk)}, import.meta.url).href`), map: null };
}
