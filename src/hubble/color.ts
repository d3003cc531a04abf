/** The client's colours: SGR sequences around hosts, ports, identities, verdicts. */
export interface Colors {
  host(text: string): string;
  port(text: string): string;
  identity(text: string): string;
  forwarded(text: string): string;
  dropped(text: string): string;
  /** Audited, traced and translated flows. */
  noted(text: string): string;
}

const SGR = { red: 31, green: 32, yellow: 33, magenta: 35, cyan: 36 } as const;

const same = (text: string): string => text;
const painted =
  (code: number) =>
  (text: string): string =>
    `\u001b[${code}m${text}\u001b[0m`;

export const PLAIN: Colors = { host: same, port: same, identity: same, forwarded: same, dropped: same, noted: same };

export const PAINTED: Colors = {
  host: painted(SGR.cyan),
  port: painted(SGR.yellow),
  identity: painted(SGR.magenta),
  forwarded: painted(SGR.green),
  dropped: painted(SGR.red),
  noted: painted(SGR.yellow),
};
