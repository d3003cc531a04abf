/** Leaf types of a scenario that are names, addresses and ports. */

import { z } from "zod";
import { text, whole, type Leaf } from "./quantities.js";
import { PROTOCOLS } from "./types.js";

const PORT_MAX = 65_535;
/** `$n` at its end is the number of a copy, see copies.ts. */
export const LABEL = "[a-z0-9]([a-z0-9.-]*([a-z0-9]|\\$n))?";
export const ADDRESS = "\\d{1,3}(\\.\\d{1,3}){3}";

export const qualifiedName = (): Leaf<string> => {
  const form = "a name with its namespace such as production/order-service";
  return text({ form, pattern: new RegExp(`^${LABEL}/${LABEL}$`), examples: ["production/order-service"] });
};
/** Whom a policy selects: pods, or the node itself. */
export const subjectName = (): Leaf<string> =>
  text({ form: "a name with its namespace such as production/order-service, or host", pattern: new RegExp(`^(${LABEL}/${LABEL}|host)$`) });
/** Whom a rule names. */
export const peerName = (): Leaf<string> =>
  text({
    form: "a name with its namespace such as production/order-service, or world, remote-node or host",
    pattern: new RegExp(`^(${LABEL}/${LABEL}|world|remote-node|host)$`),
  });
export const shortName = (): Leaf<string> =>
  text({ form: "a name of small letters, digits and dashes", pattern: /^[a-z0-9]([a-z0-9-]*([a-z0-9]|\$n))?$/ });
export const version = (example: string): Leaf<string> =>
  text({ form: `a release such as ${example}`, pattern: /^v?\d+\.\d+/, examples: [example] }).meta({ type: ["string", "number"] });
export const address = (): Leaf<string> => text({ form: "an IPv4 address such as 10.96.12.7", pattern: new RegExp(`^${ADDRESS}$`) });
export const prefix = (): Leaf<string> => text({ form: "an IPv4 prefix such as 10.244.0.0/16", pattern: new RegExp(`^${ADDRESS}/\\d{1,2}$`) });
export const port = (): Leaf<number> => whole(1, PORT_MAX);
export const protocol = (): z.ZodPrefault<z.ZodEnum<{ TCP: "TCP"; UDP: "UDP"; SCTP: "SCTP" }>> => z.enum(PROTOCOLS).prefault("TCP");
