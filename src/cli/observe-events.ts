/** What `ctlab observe agent-events` does: prints what the agent said of its own doings, of a run or an exporter's file. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { AgentEventPrinter, AgentEventReader, parseAgentEvents } from "../hubble/agent-events.js";
import type { CommandLineContext, ObserveCommand } from "../hubble/command-line.js";
import type { GetAgentEventsResponse } from "../hubble/proto/observer_pb.js";
import { ResponseSelection } from "../hubble/selection.js";
import type { Instant } from "../hubble/times.js";
import { AGENT_EVENTS_FILE } from "../lab/run-files.js";
import { EXIT, type ExitCode } from "./exit.js";
import { flowSource, lastTime, type FlowSource } from "./flow-source.js";
import { now, operandOf, printing, readThrough } from "./observe-lines.js";

/** `args`: with `agent-events`. Throws FlagError for a command line that can't be used. */
export async function observeAgentEvents(
  args: readonly string[],
  variant: string | undefined,
  contextAt: (at: Instant) => CommandLineContext,
): Promise<ExitCode> {
  const asked = parseAgentEvents(args, contextAt(now()));
  const flows = flowSource(operandOf({ ...asked, operands: asked.operands.slice(1) }), variant);
  if (!flows.isRun) return print(flows, asked);
  const path = join(dirname(flows.path), AGENT_EVENTS_FILE);
  if (!existsSync(path)) {
    if (!asked.silent) process.stderr.write(`ctlab: ${dirname(flows.path)}: the agent said nothing; what a timeline does to policies, pods and services makes it speak\n`);
    return EXIT.good;
  }
  // The clock of a run is its own.
  const end = lastTime(flows.path);
  return print({ path, name: path, isRun: true }, end === undefined ? asked : parseAgentEvents(args, contextAt(end)));
}

function print(source: FlowSource, command: ObserveCommand): Promise<ExitCode> {
  return readThrough<GetAgentEventsResponse>(source, command, {
    readerOf: (problems) => new AgentEventReader(problems),
    taskOf: (output) => {
      const printer = new AgentEventPrinter(command.printing, (text) => output.add(text));
      return printing(new ResponseSelection(command.request), printer, output);
    },
  });
}
