/** What every command that simulates takes: seed, run number, threads; and the warnings that a scenario gives. */
import type { Command } from "commander";
import type { ScenarioFile } from "../scenario/types.js";
import { collect, positiveNumber, wholeNumber } from "./arguments.js";

export interface SimulationCommandOptions {
  readonly set?: readonly string[];
  readonly seed?: string;
  readonly run: number;
  readonly jobs?: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** In the library's words. */
export interface SimulationOptions {
  readonly set: readonly string[];
  readonly run: number;
  readonly seed?: string;
  readonly jobs?: number;
}

/** `what`: what is simulated at a time, "variants". */
export function addSimulationOptions(command: Command, what: string): Command {
  return command
    .option("--set <path=value>", "override a value of the scenario, e.g. helm.set.bpf.ctTcpMax=1048576; may be repeated", collect)
    .option("--seed <text>", "seed of all random streams; default: the scenario's")
    .option("--run <n>", "run number: independent random streams under the same seed", wholeNumber, 0)
    .option("--jobs <n>", `${what} simulated at a time; default: one per CPU. The result does not depend on it`, positiveNumber)
    .option("--json", "print the result as JSON")
    .option("--quiet", "no progress, nothing on stdout but JSON");
}

export function simulationOptions({ set = [], run, seed, jobs }: SimulationCommandOptions): SimulationOptions {
  return { set, run, ...(seed === undefined ? {} : { seed }), ...(jobs === undefined ? {} : { jobs }) };
}

export function printWarnings(warnings: ScenarioFile["warnings"]): void {
  for (const { file, line, column, message } of warnings) process.stderr.write(`${file}:${line}:${column}: warning: ${message}\n`);
}
