/** The path of an HTTP request's URL, as Go's url.ParseRequestURI sees it: decoded, without the query. */

const SCHEME = /^[a-zA-Z][a-zA-Z0-9+.-]*:/;
const CONTROL = /[\u0000-\u001f\u007f]/;
const BAD_ESCAPE = /%(?![0-9a-fA-F]{2})/;

/** Undefined for what is no request URI: a relative path, control characters, a broken escape. */
export function requestPath(text: string): string | undefined {
  if (text === "" || CONTROL.test(text)) return undefined;
  if (text === "*") return "*";
  const scheme = SCHEME.exec(text)?.[0] ?? "";
  let rest = text.slice(scheme.length);
  if (scheme === "" && rest.startsWith(":")) return undefined;
  const query = rest.indexOf("?");
  if (query >= 0) rest = rest.slice(0, query);
  // `mailto:x`: opaque, which has no path.
  if (!rest.startsWith("/")) return scheme === "" ? undefined : "";
  if (scheme !== "" && rest.startsWith("//")) {
    const slash = rest.indexOf("/", 2);
    if (!isAuthority(slash < 0 ? rest.slice(2) : rest.slice(2, slash))) return undefined;
    rest = slash < 0 ? "" : rest.slice(slash);
  }
  return BAD_ESCAPE.test(rest) ? undefined : unescaped(rest);
}

function isAuthority(authority: string): boolean {
  const host = authority.slice(authority.lastIndexOf("@") + 1);
  const port = /:([^\]]*)$/.exec(host.startsWith("[") ? host.slice(host.indexOf("]") + 1) : host)?.[1];
  return !/[\s<>"^`{|}\\]/.test(host) && (port === undefined || /^\d*$/.test(port));
}

/** Bytes of escapes that are no UTF-8 become the replacement character. */
function unescaped(path: string): string {
  if (!path.includes("%")) return path;
  const bytes = Buffer.from(path.replace(/[^%\u0000-\u007f]+/g, (text) => encodeURIComponent(text)));
  const decoded: number[] = [];
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] !== 0x25) decoded.push(bytes[i]!);
    else {
      decoded.push(Number.parseInt(bytes.toString("latin1", i + 1, i + 3), 16));
      i += 2;
    }
  }
  return Buffer.from(decoded).toString("utf8");
}
