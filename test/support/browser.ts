/**
 * A browser for tests, driven over its debugging pipe (Chrome DevTools Protocol: JSON messages that end in a zero byte
 * on file descriptors 3 and 4). Optional: tests skip when no Chromium is installed (Debian: `chromium`).
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { Readable, Writable } from "node:stream";

/** Path of an installed browser, undefined when there is none. */
export const BROWSER_PATH = ["chromium", "chromium-browser", "google-chrome"]
  .flatMap((name) => (process.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, name)))
  .find((path) => existsSync(path));

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
  "--remote-debugging-pipe",
];

const EMPTY = "about:blank";
/** Narrower windows are taken for a phone: the viewport tag counts, scroll bars take no room. */
const PHONE_WIDTH_MAX = 600;

export interface PageOptions {
  readonly width: number;
  readonly height: number;
  readonly scheme: "light" | "dark";
}

type Message = {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: unknown;
  readonly error?: unknown;
};

export class TestBrowser {
  readonly #process: ChildProcess;
  readonly #profile: string;
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  #sent = 0;
  #session: string | undefined;
  /** What the page's console and its errors said, warnings and worse. */
  readonly complaints: string[] = [];
  /** Addresses that the page asked for. */
  readonly requests: string[] = [];

  private constructor(path: string) {
    this.#profile = mkdtempSync(join(tmpdir(), "ctlab-browser-"));
    const stdio = ["ignore", "ignore", "ignore", "pipe", "pipe"] as const;
    this.#process = spawn(path, [...FLAGS, `--user-data-dir=${this.#profile}`, EMPTY], { stdio: [...stdio] });
    let rest = "";
    (this.#process.stdio[4] as Readable).setEncoding("utf8").on("data", (chunk: string) => {
      const messages = (rest + chunk).split("\0");
      rest = messages.pop()!;
      for (const message of messages) this.#receive(JSON.parse(message) as Message);
    });
  }

  /** Starts the browser with one empty page. */
  static async open(path: string): Promise<TestBrowser> {
    const browser = new TestBrowser(path);
    const { targetId } = (await browser.#send("Target.createTarget", { url: EMPTY })) as { targetId: string };
    const attached = (await browser.#send("Target.attachToTarget", { targetId, flatten: true })) as { sessionId: string };
    browser.#session = attached.sessionId;
    for (const domain of ["Page", "Runtime", "Log", "Network"]) await browser.#send(`${domain}.enable`, {});
    return browser;
  }

  /** Loads a page anew in the given size and colour scheme; returns when its scripts have run. Forgets what was before. */
  async show(url: string, { width, height, scheme }: PageOptions): Promise<void> {
    await this.#goTo(EMPTY);
    this.complaints.length = 0;
    this.requests.length = 0;
    await this.#send("Emulation.setDeviceMetricsOverride", {
      width,
      height,
      deviceScaleFactor: 1,
      mobile: width < PHONE_WIDTH_MAX,
    });
    await this.#send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
    await this.#goTo(url);
  }

  async #goTo(url: string): Promise<void> {
    await this.#send("Page.navigate", { url });
    // The page before may still report that it was loaded, so the address counts, too.
    const there = `location.href === ${JSON.stringify(url)} && document.readyState === "complete"`;
    while (!(await this.evaluate<boolean>(there))) await new Promise((done) => setTimeout(done, 10));
  }

  /** Value of an expression in the page; promises are awaited. Throws what it throws. */
  async evaluate<T>(expression: string): Promise<T> {
    const answer = await this.#send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    const { result, exceptionDetails } = answer as {
      result: { value: T };
      exceptionDetails?: { exception?: { description?: string } };
    };
    if (exceptionDetails !== undefined) throw new Error(exceptionDetails.exception?.description ?? "the page threw");
    return result.value;
  }

  async close(): Promise<void> {
    const ended = new Promise((done) => this.#process.once("exit", done));
    this.#session = undefined;
    await this.#send("Browser.close", {});
    await ended;
    // Helper processes may write for a moment longer.
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }

  #send(method: string, params: Record<string, unknown>): Promise<unknown> {
    const id = ++this.#sent;
    const session = this.#session === undefined ? {} : { sessionId: this.#session };
    (this.#process.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, ...session })}\0`);
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  #receive({ id, method, params, result, error }: Message): void {
    if (id !== undefined) {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(result);
      else waiting?.reject(new Error(JSON.stringify(error)));
      return;
    }
    if (method === "Runtime.exceptionThrown" || method === "Log.entryAdded") this.complaints.push(JSON.stringify(params));
    if (method === "Runtime.consoleAPICalled" && ["error", "warning"].includes(String(params!["type"])))
      this.complaints.push(JSON.stringify(params));
    if (method === "Network.requestWillBeSent") this.requests.push((params!["request"] as { url: string }).url);
  }
}
