/**
 * What the page does in a browser: tabs, sorting, theme, charts drawn when they come into view. Runs inside the page:
 * `startPage` is put there by its source text, so it must use nothing from outside itself (types aside).
 */
import type { ChartState, ChartTheme, Option } from "./chart-parts.js";
import type { Chart, ChartLibrary, PageDocument, PageElement, PageWindow } from "./dom.js";

export interface PageTools {
  readonly document: PageDocument;
  readonly window: PageWindow;
  readonly library: ChartLibrary;
  /** From the data in the page to what draws one of its charts. */
  makeCharts(data: unknown, theme: ChartTheme): (chart: Readonly<Record<string, string | undefined>>, state: ChartState) => Option;
}

export function startPage({ document, window, library, makeCharts }: PageTools): void {
  const root = document.documentElement;
  const dataElement = document.getElementById("ctlab-result")!;
  const data = JSON.parse(dataElement.textContent ?? "") as unknown;
  const drawn = new Map<PageElement, Chart>();
  const widths = new Map<PageElement, number>();
  const states = new Map<PageElement, { fromZero: boolean; column: string }>();
  const stateOf = (element: PageElement): { fromZero: boolean; column: string } => {
    let state = states.get(element);
    if (state === undefined) {
      const column = document.querySelector(`select[data-for="${element.id}"]`)?.value ?? "";
      states.set(element, (state = { fromZero: false, column }));
    }
    return state;
  };

  const readTheme = (): ChartTheme => {
    const style = window.getComputedStyle(root);
    const value = (name: string): string => style.getPropertyValue(name).trim();
    return {
      ink: value("--ink"),
      muted: value("--muted"),
      line: value("--line"),
      surface: value("--surface"),
      burst: value("--burst"),
      gcTimer: value("--gc"),
      gcSignal: value("--gc-signal"),
      mark: value("--mark"),
      pending: value("--pending"),
      font: value("--font"),
      palette: [1, 2, 3, 4, 5, 6].map((index) => value(`--c${index}`)),
      narrow: root.clientWidth < 640,
    };
  };
  let charts = makeCharts(data, readTheme());

  const draw = (element: PageElement): void => {
    const state: ChartState = { ...stateOf(element), width: element.clientWidth };
    widths.set(element, state.width);
    let chart = drawn.get(element);
    if (chart === undefined) {
      chart = library.init(element, null, { renderer: "svg" });
      drawn.set(element, chart);
      sizes.observe(element);
    }
    chart.setOption(charts(element.dataset, state), true);
    element.dataset["drawn"] = "yes";
  };
  const redrawAll = (): void => {
    charts = makeCharts(data, readTheme());
    for (const element of drawn.keys()) draw(element);
  };
  const sizes = new window.ResizeObserver((entries) => {
    for (const { target } of entries) {
      // Hidden panels have no width; the first report after drawing changes nothing.
      if (target.clientWidth === 0 || target.clientWidth === widths.get(target)) continue;
      drawn.get(target)?.resize();
      draw(target);
    }
  });
  const inView = new window.IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        inView.unobserve(target);
        draw(target);
      }
    },
    { rootMargin: "300px" },
  );
  for (const element of document.querySelectorAll("[data-chart]")) inView.observe(element);
  window.addEventListener("beforeprint", () => {
    for (const panel of document.querySelectorAll("[role=tabpanel]")) panel.hidden = false;
    for (const element of document.querySelectorAll("[data-chart]")) draw(element);
  });

  const chartOf = (control: PageElement): PageElement => document.getElementById(control.dataset["for"]!)!;
  for (const button of document.querySelectorAll("button[data-zero]")) {
    button.addEventListener("click", () => {
      const element = chartOf(button);
      const fromZero = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(fromZero));
      stateOf(element).fromZero = fromZero;
      draw(element);
    });
  }
  /** Of tables that go with what a chart shows, the one that was chosen. */
  const showBeside = (element: PageElement, value: string): void => {
    for (const beside of document.querySelectorAll(`[data-beside="${element.id}"]`)) beside.hidden = beside.dataset["value"] !== value;
  };
  for (const select of document.querySelectorAll("select[data-for]")) {
    const element = chartOf(select);
    showBeside(element, select.value);
    select.addEventListener("change", () => {
      stateOf(element).column = select.value;
      showBeside(element, select.value);
      draw(element);
    });
  }

  const tabs = [...document.querySelectorAll("[role=tab]")];
  const openTab = (tab: PageElement): void => {
    for (const other of tabs) {
      const chosen = other === tab;
      other.setAttribute("aria-selected", String(chosen));
      other.tabIndex = chosen ? 0 : -1;
      document.getElementById(other.getAttribute("aria-controls")!)!.hidden = !chosen;
    }
  };
  tabs.forEach((tab, at) => {
    tab.addEventListener("click", () => {
      openTab(tab);
      window.history.replaceState(null, "", `#${tab.getAttribute("aria-controls")!}`);
    });
    tab.addEventListener("keydown", (event) => {
      const targets: Record<string, number> = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 };
      const target = targets[event.key];
      if (target === undefined) return;
      event.preventDefault();
      const next = tabs[(target + tabs.length) % tabs.length]!;
      next.focus();
      next.click();
    });
  });
  const openFromAddress = (): void => {
    const wanted = window.location.hash.slice(1);
    const tab = tabs.find((one) => one.getAttribute("aria-controls") === wanted);
    if (tab !== undefined) openTab(tab);
  };
  if (tabs.length > 0) {
    openTab(tabs[0]!);
    openFromAddress();
    window.addEventListener("hashchange", openFromAddress);
  }

  const sortBy = (header: PageElement): void => {
    const table = header.closest("table")!;
    const heads = [...table.querySelectorAll("thead th")];
    const body = table.querySelector("tbody")!;
    const place = heads.indexOf(header);
    const down = header.getAttribute("aria-sort") === "ascending";
    for (const head of heads) head.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", down ? "descending" : "ascending");
    const keyed = [...body.querySelectorAll("tr")].map((line) => {
      const cell = line.children[place]!;
      return { line, key: cell.dataset["key"] ?? cell.textContent ?? "" };
    });
    const numeric = keyed.every(({ key }) => key !== "" && Number.isFinite(Number(key)));
    const order = (a: string, b: string): number => (numeric ? Number(a) - Number(b) : a < b ? -1 : a > b ? 1 : 0);
    keyed.sort((a, b) => (down ? order(b.key, a.key) : order(a.key, b.key)));
    body.append(...keyed.map(({ line }) => line));
  };
  for (const button of document.querySelectorAll("th button"))
    button.addEventListener("click", () => sortBy(button.closest("th")!));

  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", redrawAll);
  document.getElementById("theme")?.addEventListener("click", () => {
    const isDark = root.dataset["theme"] === undefined ? dark.matches : root.dataset["theme"] === "dark";
    root.dataset["theme"] = isDark ? "light" : "dark";
    redrawAll();
  });

  const copy = document.getElementById("copy-command");
  copy?.addEventListener("click", () => {
    void window.navigator.clipboard?.writeText(document.querySelector("#repeat code")?.textContent ?? "").then(() => {
      copy.textContent = "Copied";
      window.setTimeout(() => (copy.textContent = "Copy"), 2000);
    });
  });
  document.getElementById("save-data")?.addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = window.URL.createObjectURL(new window.Blob([dataElement.textContent ?? ""], { type: "application/json" }));
    link.download = `${dataElement.dataset["name"] ?? "ctlab"}.json`;
    link.click();
    window.URL.revokeObjectURL(link.href);
  });
  root.classList.add("scripted");
}
