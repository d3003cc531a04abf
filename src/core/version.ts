import { readFileSync } from "node:fs";

/** ctlab's own version, as the package says it. */
export const VERSION: string = (
  JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { readonly version: string }
).version;
