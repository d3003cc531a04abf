#!/usr/bin/env node
/** argv in, exit code out. `ctlab resolve` starts from a file of its own, as it answers in less time than modules take to load. */
import { loadBundle } from "./cli/bundle.js";

// Whoever reads may stop early (`| head`): then there is nobody left to write for.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

const args = process.argv.slice(2);
const bundle = args[0] === "resolve" ? loadBundle() : null;
const { runCli } = bundle?.program ?? (await import("./cli/program.js"));
process.exitCode = await runCli(args);
// All is said: V8 needs not tidy up first.
if (bundle !== null && process.stdout.writableLength + process.stderr.writableLength === 0) process.exit();
