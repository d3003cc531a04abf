/** Patterns of `--fqdn` and `--node-name` as regular expressions: pkg/hubble/filters/patterns.go. */

/** Any name. */
const NAME = String.raw`(?:[-0-9_a-z]+(?:\.[-0-9_a-z]+)*)`;
/** What `*` stands for. */
const STAR = "[-.0-9a-z]*";
const LITERAL = /^[-0-9_a-z]$/;

/** Names that any of the patterns matches as a whole. Throws an Error that says what is wrong with a pattern. */
export function fqdnPattern(patterns: readonly string[]): RegExp {
  return new RegExp(`^(?:${patterns.map(nameSource).join("|")})$`);
}

/** `cluster/node` names that any of the patterns matches; a pattern without slash means a node of any cluster. */
export function nodeNamePattern(patterns: readonly string[]): RegExp {
  return new RegExp(`^(?:${patterns.map(nodeSource).join("|")})$`);
}

function nodeSource(pattern: string): string {
  if (pattern === "") throw new Error("empty pattern");
  const elements = pattern.split("/");
  if (elements.length > 2) throw new Error("too many slashes in pattern");
  const [cluster, node] = elements.length === 1 ? ["", elements[0]!] : [elements[0]!, elements[1]!];
  return `${cluster === "" ? NAME : nameSource(cluster)}/${node === "" ? NAME : nameSource(node)}`;
}

/** Lower case, without blanks around and without one trailing dot. */
function nameSource(pattern: string): string {
  const canonical = pattern.trim().replace(/\.$/, "").toLowerCase();
  if (canonical === "") throw new Error("empty pattern");
  if (canonical.endsWith(".")) throw new Error("multiple trailing dots in pattern");
  let source = "";
  for (const char of canonical) {
    if (char === ".") source += String.raw`\.`;
    else if (char === "*") source += STAR;
    else if (LITERAL.test(char)) source += char;
    else throw new Error(`'${char}': invalid rune in pattern`);
  }
  return source;
}
