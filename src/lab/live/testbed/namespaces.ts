/**
 * Two network namespaces joined by a veth pair, and a BPF file system of one's own to hand a program to `tc`. Everything
 * bears the process's number, is torn down by `close`, and what a killed process left is removed by the next one.
 */
import { execFile, execFileSync, spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { mkdirSync, readdirSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const PREFIX = "ctlab";
export const CLIENT_ADDRESS = "10.0.0.2";
export const SERVER_ADDRESS = "10.0.0.1";
/** Where the tools are, also for a root whose path leaves these out. */
const ENVIRONMENT = { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin:/usr/bin:/bin` };
/** What `ip` keeps namespaces under. */
const NAMESPACES = "/run/netns";

export type NamespaceEnd = "client" | "server";

export class Namespaces {
  /** Folder of the BPF file system. */
  readonly bpfFolder: string;
  readonly #pid: number;
  #children: ChildProcessWithoutNullStreams[] = [];
  #closed = false;

  private constructor(pid: number) {
    this.#pid = pid;
    this.bpfFolder = join(tmpdir(), `${PREFIX}-bpf-${pid}`);
  }

  /** Throws an `Error` that quotes the tool which refused; nothing is left behind then. */
  static async create(): Promise<Namespaces> {
    removeStale();
    const made = new Namespaces(process.pid);
    try {
      await made.#build();
      return made;
    } catch (error) {
      made.close();
      throw error;
    }
  }

  async #build(): Promise<void> {
    const [client, server] = [this.name("client"), this.name("server")];
    mkdirSync(this.bpfFolder);
    await run("mount", "-t", "bpf", PREFIX, this.bpfFolder);
    await run("ip", "netns", "add", client);
    await run("ip", "netns", "add", server);
    await run("ip", "-n", client, "link", "add", "veth", "type", "veth", "peer", "name", "veth", "netns", server);
    for (const [name, address] of [[client, CLIENT_ADDRESS], [server, SERVER_ADDRESS]] as const) {
      await run("ip", "-n", name, "address", "add", `${address}/24`, "dev", "veth");
      await run("ip", "-n", name, "link", "set", "veth", "up");
      await run("ip", "-n", name, "link", "set", "lo", "up");
    }
  }

  name(end: NamespaceEnd): string {
    return nameOf(this.#pid, end);
  }

  /** Puts a pinned program on both ways of an end's device. */
  async attach(end: NamespaceEnd, pinned: string): Promise<void> {
    await run("tc", "-n", this.name(end), "qdisc", "add", "dev", "veth", "clsact");
    for (const way of ["ingress", "egress"]) {
      await run("tc", "-n", this.name(end), "filter", "add", "dev", "veth", way, "bpf", "direct-action", "object-pinned", pinned);
    }
  }

  /** Starts a program in a namespace; it is ended by `close`. */
  spawn(end: NamespaceEnd, command: string, args: readonly string[]): ChildProcessWithoutNullStreams {
    const child = spawn("ip", ["netns", "exec", this.name(end), command, ...args], { stdio: "pipe", env: ENVIRONMENT });
    this.#children.push(child);
    return child;
  }

  /** Takes everything down, at once and as far as it goes. May be called again. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const child of this.#children) child.kill("SIGKILL");
    for (const end of ["client", "server"] as const) quietly("ip", "netns", "delete", this.name(end));
    quietly("umount", this.bpfFolder);
    removeFolder(this.bpfFolder);
  }
}

function nameOf(pid: number, end: NamespaceEnd): string {
  return `${PREFIX}-${pid}-${end}`;
}

/** What processes that are no longer alive have left. */
function removeStale(): void {
  for (const name of listed(NAMESPACES)) {
    const match = new RegExp(`^${PREFIX}-(\\d+)-(client|server)$`).exec(name);
    if (match !== null && !isAlive(Number(match[1]))) quietly("ip", "netns", "delete", name);
  }
  for (const name of listed(tmpdir())) {
    const match = new RegExp(`^${PREFIX}-bpf-(\\d+)$`).exec(name);
    if (match === null || isAlive(Number(match[1]))) continue;
    quietly("umount", join(tmpdir(), name));
    removeFolder(join(tmpdir(), name));
  }
}

function listed(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code !== "ESRCH";
  }
}

function removeFolder(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // It never was, or somebody still looks into it.
  }
}

async function run(command: string, ...args: readonly string[]): Promise<void> {
  try {
    await promisify(execFile)(command, args, { env: ENVIRONMENT });
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string };
    throw new Error(`${[command, ...args].join(" ")}: ${(stderr ?? "").trim() || message}`);
  }
}

function quietly(command: string, ...args: readonly string[]): void {
  try {
    execFileSync(command, args, { stdio: "ignore", env: ENVIRONMENT });
  } catch {
    // Nothing to take down.
  }
}
