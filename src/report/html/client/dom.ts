/**
 * The part of a browser that the page's script uses, as types. TypeScript's own `dom` library is not loaded: it would
 * put `name`, `status`, `event` and a thousand more globals into scope of every module of ctlab.
 */

export interface PageElement {
  readonly dataset: Record<string, string | undefined>;
  readonly classList: { add(name: string): void; remove(name: string): void; toggle(name: string, on: boolean): boolean };
  readonly children: ArrayLike<PageElement>;
  readonly parentElement: PageElement | null;
  readonly style: { setProperty(name: string, value: string): void };
  textContent: string | null;
  hidden: boolean;
  tabIndex: number;
  value: string;
  href: string;
  download: string;
  readonly id: string;
  readonly clientWidth: number;
  getAttribute(name: string): string | null;
  setAttribute(name: string, value: string): void;
  removeAttribute(name: string): void;
  append(...children: readonly PageElement[]): void;
  addEventListener(type: string, listener: (event: PageEvent) => void): void;
  querySelector(selector: string): PageElement | null;
  querySelectorAll(selector: string): Iterable<PageElement>;
  closest(selector: string): PageElement | null;
  scrollIntoView(options?: { readonly block?: string; readonly inline?: string }): void;
  focus(): void;
  click(): void;
}

export interface PageEvent {
  readonly key: string;
  readonly target: PageElement | null;
  preventDefault(): void;
}

export interface PageDocument {
  readonly documentElement: PageElement;
  getElementById(id: string): PageElement | null;
  querySelector(selector: string): PageElement | null;
  querySelectorAll(selector: string): Iterable<PageElement>;
  createElement(name: string): PageElement;
}

interface Observer {
  observe(element: PageElement): void;
  unobserve(element: PageElement): void;
}

export interface PageWindow {
  readonly location: { hash: string };
  readonly history: { replaceState(state: null, title: string, url: string): void };
  readonly navigator: { readonly clipboard?: { writeText(text: string): Promise<void> } };
  readonly IntersectionObserver: new (
    callback: (entries: readonly { readonly isIntersecting: boolean; readonly target: PageElement }[]) => void,
    options: { readonly rootMargin: string },
  ) => Observer;
  readonly ResizeObserver: new (callback: (entries: readonly { readonly target: PageElement }[]) => void) => Observer;
  readonly Blob: new (parts: readonly string[], options: { readonly type: string }) => object;
  readonly URL: { createObjectURL(blob: object): string; revokeObjectURL(url: string): void };
  getComputedStyle(element: PageElement): { getPropertyValue(name: string): string };
  matchMedia(query: string): { readonly matches: boolean; addEventListener(type: "change", listener: () => void): void };
  addEventListener(type: string, listener: () => void): void;
  setTimeout(callback: () => void, milliseconds: number): void;
}

/** What is used of ECharts. */
export interface ChartLibrary {
  init(element: PageElement, theme: null, options: { readonly renderer: "svg" }): Chart;
}

export interface Chart {
  setOption(option: object, replace: boolean): void;
  resize(): void;
}
