import { Option, type Command } from "commander";
import type { ServeOptions } from "../lab/serve.js";
import { collect, positiveNumber } from "./arguments.js";
import { EXIT, type ExitCode } from "./exit.js";
import { interruptible } from "./interrupt.js";

interface ServeCommandOptions {
  readonly variant?: readonly string[];
  readonly speed?: string;
  readonly server: string;
  readonly listen?: boolean | string;
  readonly metricsServer: string;
  readonly buffer: number;
  readonly tlsCertFile?: string;
  readonly tlsKeyFile?: string;
  readonly tlsClientCaFile?: string;
  readonly quiet?: boolean;
}

/** Relay's port, and that of Hubble's metrics. */
const SERVER = "127.0.0.1:4245";
const METRICS_SERVER = "127.0.0.1:9965";
/** Responses of a node that are kept: about 200 MB. */
const BUFFER = 262_143;

/** `ctlab serve RUN`: Hubble's API from a run, for the unmodified `hubble` client. */
export function addServeCommand(program: Command, done: (code: ExitCode) => void): void {
  program
    .command("serve")
    .summary("Hubble's gRPC API from a run, for the hubble client")
    .description(
      "Serves the flows of a run as Hubble Relay does: hubble observe, hubble status and hubble list work unmodified. Every " +
        "variant of the run is a node. With a scenario in place of a run it is simulated while it is served.",
    )
    .argument("<run>", "folder that ctlab run left behind, a file of flows (JSON lines), or a scenario (.yaml)")
    .option("--variant <name>", "only this variant; may be repeated", collect)
    .option("--speed <factor>", "flows come as their time does, e.g. 1x or 10x; without it all at once")
    .option("--server <address>", "address to listen at", SERVER)
    .addOption(new Option("--listen [address]", "allow an address that other machines can reach, --server's or this one"))
    .option("--tls-cert-file <file>", "certificate (PEM): TLS in place of plain text")
    .option("--tls-key-file <file>", "its key (PEM)")
    .option("--tls-client-ca-file <file>", "clients must show a certificate of this authority (PEM)")
    .option("--metrics-server <address>", "address of /metrics, when the run has metrics.om", METRICS_SERVER)
    .option("--buffer <n>", "responses that each node keeps, the newest ones", positiveNumber, BUFFER)
    .option("--quiet", "say nothing but mistakes")
    .addHelpText(
      "after",
      "\nExamples:\n" +
        "  ctlab serve reports/ct-exhaustion --variant as-told         then, elsewhere:\n" +
        "    hubble observe --verdict DROPPED --last 100\n" +
        "    hubble status\n" +
        "  ctlab serve reports/ct-exhaustion --speed 10x                hubble observe -f sees flows come\n" +
        "  ctlab serve scenarios/syn-flood-xdp.yaml --speed 1x          simulated meanwhile\n" +
        "  ctlab serve reports/hubble-flow-loss --tls-cert-file tls.crt --tls-key-file tls.key\n\n" +
        "Times of flows are those of the run. Debug events do not exist. Ctrl-C ends it.\n\n" +
        "Exit code: 0 ended by Ctrl-C, 2 no such run, nothing in the file, or the address can't be had.\n",
    )
    .action(async (path: string, options: ServeCommandOptions) => {
      done(await run(path, options));
    });
}

async function run(path: string, options: ServeCommandOptions): Promise<ExitCode> {
  const { serve } = await import("../lab/serve.js");
  const say = (text: string): void => {
    if (options.quiet !== true) process.stderr.write(`${text}\n`);
  };
  const settings = await serveOptions(path, options);
  if (typeof settings === "string") {
    process.stderr.write(`ctlab: ${settings}\n`);
    return EXIT.invalid;
  }
  await interruptible(async (signal) => {
    await serve({
      ...settings,
      signal,
      onReady: ({ address, nodes, metricsAddress }) => {
        say(`Serving ${nodes.length === 1 ? nodes[0]! : `${nodes.length} nodes (${nodes.join(", ")})`} at ${address}. Ctrl-C ends it.`);
        if (metricsAddress !== null) say(`Metrics at http://${metricsAddress}/metrics`);
      },
      onPlayed: ({ responses, skipped, firstReason, broken }) => {
        say(responses === 1 ? "The one response is there." : `All ${responses} responses are there.`);
        if (broken !== null) process.stderr.write(`ctlab: could not be read to its end: ${broken}\n`);
        if (skipped === 1) process.stderr.write(`ctlab: one line could not be read and is left out: ${firstReason ?? ""}\n`);
        if (skipped > 1) process.stderr.write(`ctlab: ${skipped} lines could not be read and are left out; the first: ${firstReason ?? ""}\n`);
      },
    });
  });
  return EXIT.good;
}

type Settings = Omit<ServeOptions, "signal" | "onReady" | "onPlayed">;

/** What was asked for, or what is wrong with it. */
async function serveOptions(path: string, options: ServeCommandOptions): Promise<Settings | string> {
  const { listenAddress } = await import("../hubble/server/address.js");
  const { parseSpeed } = await import("../lab/serve/live-run.js");
  const { listen, tlsCertFile, tlsKeyFile, tlsClientCaFile } = options;
  const asked = typeof listen === "string" ? listen : options.server;
  const speed = options.speed === undefined ? null : parseSpeed(options.speed);
  if (speed === undefined) return `"${options.speed!}" is no speed; a factor such as 1x, 10x or 0.5x is expected`;
  const addresses = [asked, options.metricsServer].map((text) => ({ text, address: listenAddress(text) }));
  for (const { text, address } of addresses) {
    if (address === undefined) return `"${text}" is no address; HOST:PORT, [IPv6]:PORT or unix:PATH is expected`;
    if (!address.loopback && listen === undefined) {
      return `${text} can be reached from other machines, and whoever does reads every flow; --listen allows it`;
    }
  }
  if ((tlsCertFile === undefined) !== (tlsKeyFile === undefined)) return "TLS needs both --tls-cert-file and --tls-key-file";
  if (tlsClientCaFile !== undefined && tlsCertFile === undefined) return "--tls-client-ca-file needs --tls-cert-file and --tls-key-file";
  return {
    path,
    variants: options.variant ?? [],
    speed,
    capacity: options.buffer,
    listen: addresses[0]!.address!,
    metrics: addresses[1]!.address!,
    tls: tlsCertFile === undefined ? null : { certificate: tlsCertFile, key: tlsKeyFile!, clientCa: tlsClientCaFile ?? null },
  };
}
