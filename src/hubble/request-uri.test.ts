import { expect, it } from "vitest";
import { requestPath } from "./request-uri.js";

it.each([
  ["http://b/v1/items?id=1", "/v1/items"],
  ["https://user@b:8443/", "/"],
  ["http://b", ""],
  ["http://[::1]:80/x", "/x"],
  ["/a%20b%C3%A9é", "/a bé\u00e9"],
  ["/a?b?c", "/a"],
  ["//host/x", "//host/x"],
  ["*", "*"],
  ["mailto:x", ""],
  ["", undefined],
  ["relative", undefined],
  ["/a%2", undefined],
  ["/a\u0001", undefined],
  [":/x", undefined],
  ["http://b:port/", undefined],
])("the path of %j is %j", (url, path) => {
  expect(requestPath(url)).toBe(path);
});
