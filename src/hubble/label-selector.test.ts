import { describe, expect, it } from "vitest";
import { parseLabelSelector } from "./label-selector.js";

const WEB = ["k8s:app=web", "k8s:io.kubernetes.pod.namespace=shop", "reserved:host", "k8s:n=7", "plain=x", "k8s:app.kubernetes.io/name=web"];

describe("parseLabelSelector", () => {
  it.each([
    "app",
    "app=web",
    "app==web",
    "k8s:app=web",
    "k8s:app = web",
    "any:app=web",
    "app in (api, web)",
    "app notin (api)",
    "app!=api",
    "missing!=x",
    "missing notin (x,y)",
    "!missing",
    "reserved:host",
    "k8s:app=web,reserved:host",
    "n>6",
    "n<8",
    "plain=x",
    "plain in (,x)",
    "",
    "k8s:app.kubernetes.io/name=web",
  ])("%j selects the pod", (text) => {
    expect(parseLabelSelector(text)(WEB)).toBe(true);
  });

  it.each([
    "app=api",
    "app!=web",
    "!app",
    "container:app=web",
    "app in (api)",
    "app in ()",
    "reserved:world",
    "k8s:app=web,missing",
    "n>7",
    "app>1",
    "missing=",
    // The first dot of a key is taken for the end of its source.
    "app.kubernetes.io/name=web",
  ])("%j does not", (text) => {
    expect(parseLabelSelector(text)(WEB)).toBe(false);
  });

  it.each([
    ["app=", true],
    ["in in (in)", false],
  ])("%j can be read", (text, missing) => {
    expect(parseLabelSelector(text)(["k8s:app="])).toBe(missing);
  });

  it.each(["app=web,", ",app", "app in web", "app in (web", "app web", "=x", "a b", "app=-", "-app", "n>x", "a:b:c=d", "app=web)", "x in (a b)"])(
    "refuses %j",
    (text) => {
      expect(() => parseLabelSelector(text)).toThrow();
    },
  );
});
