/**
 * Figures as text, in the browser. Runs inside the page: `makeWording` is put there by its source text, so it must use
 * nothing from outside itself (types aside). Agrees with `core/units` and `report/wording`, which the tests check.
 */

export interface Wording {
  duration(ns: number): string;
  /** A moment on a time axis: `0`, `12m`, `12m30s`. */
  moment(seconds: number): string;
  count(value: number): string;
  share(value: number): string;
  bucket(low: number): string;
  escape(text: string): string;
}

export function makeWording(): Wording {
  const trim = (value: number): string => String(Number(value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2)));
  const duration = (ns: number): string => {
    if (ns === 0) return "0 s";
    if (ns < 999.5) return `${trim(ns)} ns`;
    if (ns < 999.5e3) return `${trim(ns / 1e3)} µs`;
    if (ns < 999.5e6) return `${trim(ns / 1e6)} ms`;
    if (ns < 120e9) return `${trim(ns / 1e9)} s`;
    const text = moment(ns / 1e9);
    return text.includes("h") && !text.includes("m") ? text.replace("h", "h0m") : text;
  };
  const moment = (seconds: number): string => {
    const whole = Math.round(seconds);
    if (whole === 0) return "0";
    const parts: (readonly [number, string])[] = [
      [Math.floor(whole / 3600), "h"],
      [Math.floor((whole % 3600) / 60), "m"],
      [whole % 60, "s"],
    ];
    return parts.map(([value, unit]) => (value === 0 ? "" : `${value}${unit}`)).join("");
  };
  const count = (value: number): string => {
    const [whole, fraction] = String(value).split(".") as [string, string?];
    const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
    return fraction === undefined ? grouped : `${grouped}.${fraction}`;
  };
  const share = (value: number): string => {
    if (value === 0) return "0 %";
    if (value < 1e-5) return value.toExponential(1);
    const percent = value * 100;
    const text = percent < 100 && percent > 99.9 ? (Math.floor(percent * 1000) / 1000).toFixed(3) : percent.toPrecision(3);
    return `${text.includes(".") ? text.replace(/\.?0+$/, "") : text} %`;
  };
  const bound = (value: number): string => {
    if (value >= 2 ** 30 && value % 2 ** 30 === 0) return `${value / 2 ** 30}G`;
    if (value >= 2 ** 20 && value % 2 ** 20 === 0) return `${value / 2 ** 20}M`;
    return value >= 1024 && value % 1024 === 0 ? `${value / 1024}K` : String(value);
  };
  const bucket = (low: number): string => (low < 2 ? `[${low}]` : `[${bound(low)}, ${bound(low * 2)})`);
  const escape = (text: string): string =>
    text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
  return { duration, moment, count, share, bucket, escape };
}
