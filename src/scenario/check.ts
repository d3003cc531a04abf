/** What every check of a scenario works on, and how it tells of names that lead nowhere or are there twice. */

import type { Diagnostics } from "./diagnostics.js";
import type { ScenarioInput } from "./schema.js";
import type { Place } from "./source.js";
import { placeOf, treeAt, type Path, type Tree } from "./tree.js";

/** The sections that are valid; in lists, items that are not leave a hole. */
export type CheckedInput = {
  readonly [Section in keyof ScenarioInput]: ScenarioInput[Section] extends readonly (infer Item)[]
    ? readonly (Item | undefined)[]
    : ScenarioInput[Section] | undefined;
};

/**
 * Every check works on the parts that are valid by themselves, so that a typing mistake in one workload does not hide a
 * missing service in another.
 */
export abstract class Check {
  protected readonly input: CheckedInput;
  protected readonly tree: Tree;
  protected readonly found: Diagnostics;

  constructor(input: CheckedInput, tree: Tree, found: Diagnostics) {
    this.input = input;
    this.tree = tree;
    this.found = found;
  }

  protected at(path: Path): Place {
    return placeOf(this.tree, path);
  }

  /** Reports a name that none of the valid ones is. */
  protected known(name: string, valid: readonly string[], path: Path, what: string): void {
    if (valid.includes(name)) return;
    const expected = valid.length === 0 ? `a ${what}` : `one of ${[...new Set(valid)].join(", ")}`;
    this.found.error(this.at(path), `there is no ${what} "${name}"`, { expected, names: { written: name, valid } });
  }

  /** Reports a name that an earlier item has too. */
  protected once(seen: Map<string, number>, key: string, path: Path, what: string): void {
    const at = this.at(path);
    const line = seen.get(key);
    if (line !== undefined) this.found.error(at, `${what} is already there, in line ${line}`);
    else seen.set(key, at.source.position(at.start).line);
  }

  /** Names that the items of a list give, valid or not: an item that is itself mistyped is reported as such, and still counts as there. */
  protected namesOf(section: string, path: Path): readonly string[] {
    const list = treeAt(this.tree, [section]);
    const items = list?.kind === "list" ? list.items : [];
    const names = items.map((item) => treeAt(item, path)).filter((name) => name?.kind === "scalar");
    return [...new Set(names.map(({ text }) => text))];
  }

  protected serviceNames(): readonly string[] {
    return this.namesOf("services", ["name"]);
  }

  /** Clients with pods on the simulated node. */
  protected clientNames(): readonly string[] {
    return this.namesOf("workloads", ["from", "workload"]);
  }

  /** What has pods on the simulated node: clients, and services with backends there. */
  protected localNames(): readonly string[] {
    const services = this.input.services.flatMap((service) => (service !== undefined && service.localBackends > 0 ? [service.name] : []));
    return [...this.clientNames(), ...services];
  }
}
