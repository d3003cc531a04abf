/** Runs the built command line as a user would, and collects what it says. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { setFlagsFromString } from "node:v8";

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const MAIN = join(ROOT, "dist", "main.js");

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly cwd?: string;
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Called with the running process, for signals. */
  readonly onStart?: (child: ChildProcess) => void;
}

/** Runs `ctlab ARGS` to its end. */
export function ctlab(args: readonly string[], options: CliOptions = {}): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MAIN, ...args], { cwd: options.cwd ?? ROOT, env: { ...process.env, ...options.env } });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
    child.on("error", reject);
    child.on("close", (code) => {
      resolve({ code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() });
    });
    // Who refuses its options ends without reading; the test sees exit code and output all the same.
    child.stdin.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") reject(error);
    });
    child.stdin.end(options.input ?? "");
    options.onStart?.(child);
  });
}

type Program = Pick<typeof import("../../src/cli/program.js"), "runCli">;

/** The built command line's modules, as `dist/main.js` takes them. */
async function builtProgram(command: string | undefined): Promise<Program> {
  const built = (name: string): Promise<unknown> => import(/* @vite-ignore */ pathToFileURL(join(ROOT, "dist", "cli", name)).href);
  if (command !== "resolve") return (await built("program.js")) as Program;
  return ((await built("bundle.js")) as typeof import("../../src/cli/bundle.js")).loadBundle()!.program;
}
const programs = new Map<string, Promise<Program>>();

/**
 * Runs `ctlab ARGS` to its end within this process: the built modules, without a start of Node, which takes longer than what
 * most commands do. For commands that read, judge and print, one at a time. Starts, signals and stdin need `ctlab`.
 */
export async function ctlabHere(args: readonly string[], { cwd = ROOT, env = {} }: Pick<CliOptions, "cwd" | "env"> = {}): Promise<Finished> {
  if (args.includes("-")) throw new Error("this process's stdin is not the test's: use ctlab");
  const kind = args[0] === "resolve" ? "resolve" : "program";
  if (!programs.has(kind)) programs.set(kind, builtProgram(args[0]));
  const { runCli } = await programs.get(kind)!;
  const said: Record<"stdout" | "stderr", Buffer[]> = { stdout: [], stderr: [] };
  const into = (stream: "stdout" | "stderr"): typeof process.stdout.write =>
    function write(chunk: string | Uint8Array, ...rest: unknown[]): boolean {
      said[stream].push(Buffer.from(chunk as string));
      const done = rest.at(-1);
      if (typeof done === "function") process.nextTick(done as () => void);
      return true;
    };
  const changed = Object.keys(env).map((name) => [name, process.env[name]] as const);
  const { write: stdout } = process.stdout;
  const { write: stderr } = process.stderr;
  const folder = process.cwd();
  process.chdir(cwd);
  Object.assign(process.env, env);
  process.stdout.write = into("stdout");
  process.stderr.write = into("stderr");
  try {
    const code = await runCli(args);
    return { code, stdout: Buffer.concat(said.stdout).toString(), stderr: Buffer.concat(said.stderr).toString() };
  } finally {
    // `resolve` switches it off, as its process ends soon.
    setFlagsFromString("--opt");
    process.stdout.write = stdout;
    process.stderr.write = stderr;
    process.chdir(folder);
    for (const [name, value] of changed) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

/** A folder of its own for one test, and what removes it. */
export function scratch(): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), "ctlab-test-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Every file below a folder by its relative name, with its bytes. */
export function tree(folder: string, prefix = ""): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const name of readdirSync(folder).sort()) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) for (const [inner, bytes] of tree(path, `${prefix}${name}/`)) files.set(inner, bytes);
    else files.set(prefix + name, readFileSync(path, "latin1"));
  }
  return files;
}
