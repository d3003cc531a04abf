// The compiler does not set the executable bit; the package's binary needs it.
import { chmodSync } from "node:fs";

chmodSync(new URL("../dist/main.js", import.meta.url), 0o755);
