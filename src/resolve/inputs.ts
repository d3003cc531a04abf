/**
 * What `ctlab resolve` is given (values files, `--set`, node shapes, releases, alert rules) as requests for
 * `resolveConfiguration`. Everything that is wrong is reported together.
 */

import { CILIUM_MINORS, ciliumProfile } from "../cilium/profile/cilium.js";
import type { CiliumProfile } from "../cilium/profile/cilium-profile.js";
import { kernelProfile, type KernelProfile } from "../cilium/profile/kernel.js";
import { UnknownVersionError } from "../cilium/profile/version.js";
import { readAlertRules } from "../scenario/alert-rules.js";
import { Diagnostics, type Diagnostic } from "../scenario/diagnostics.js";
import { readHelm, type HelmRead } from "../scenario/helm/read-helm.js";
import { readSetArguments } from "../scenario/helm/set-argument.js";
import { openValuesFile, type ValuesFile } from "../scenario/helm/values-file.js";
import { NODE_FORM, readNodeShape } from "../scenario/node-shape.js";
import { readInput, STDIN, type ReadResult } from "../scenario/read-file.js";
import { lineOf, place, SourceText } from "../scenario/source.js";
import { mergeTrees, type Tree } from "../scenario/tree.js";
import type { AlertRule, NodeShape, ResolveRequest } from "./resolve.js";

export interface ResolveOptions {
  /** `-f`, in order. */
  readonly files: readonly string[];
  /** `--set`, in order; they hold for both sides of a comparison. */
  readonly set: readonly string[];
  /** `--node`. */
  readonly nodes: readonly string[];
  /** `--cilium`: one release, or with `diff` a second one to compare with. */
  readonly cilium: readonly string[];
  /** Undefined: `ASSUMED_KERNEL`. */
  readonly kernel: string | undefined;
  /** Files of alert rules. */
  readonly alerts: readonly string[];
  /** Backends of the largest service; null = not known. */
  readonly backends: number | null;
  /** The other side: its own files (none: the same) and values over them; null = no comparison. */
  readonly diff: { readonly files: readonly string[]; readonly set: readonly string[] } | null;
  /** Values that pin the sizes are wanted: one node and one side only. */
  readonly pin: boolean;
}

/** One configuration: what is asked, and where its values came from. */
export interface ResolveSide {
  readonly request: ResolveRequest;
  readonly helm: HelmRead;
  readonly files: readonly string[];
  readonly set: readonly string[];
}

export interface ResolveInputs {
  readonly before: ResolveSide;
  readonly after: ResolveSide | null;
  /** Accepted, but worth a word. */
  readonly remarks: readonly Diagnostic[];
  /** What was not said and taken for granted, in sentences. */
  readonly assumptions: readonly string[];
}

/** Taken when `--kernel` is not given: a long-term release that most node images have or come after. */
export const ASSUMED_KERNEL = "6.12";
/** The kubelet's default limit (`maxPods`): an upper bound for the policy maps of a node. */
export const ASSUMED_PODS = 110;

/** Option names as messages show them. */
const SET = "--set";
const DIFF_SET = "--diff-set";

/** Reads all of it. Throws an `InputError` with everything that is wrong. */
export function readResolveInputs(options: ResolveOptions): ResolveInputs {
  return new InputReader(options).read();
}

class InputReader {
  readonly #options: ResolveOptions;
  readonly #found = new Diagnostics();
  readonly #valuesFiles = new Map<string, ValuesFile | undefined>();
  #stdinHolds: string | undefined;

  constructor(options: ResolveOptions) {
    this.#options = options;
  }

  read(): ResolveInputs {
    const { files, set, diff, backends } = this.#options;
    const profiles = this.#ciliumProfiles();
    const kernel = this.#kernelProfile();
    const shapes = this.#shapes();
    const own = { files, set: [{ name: SET, texts: set }] };
    const beforeHelm = this.#helm(own.files, own.set, profiles[0]);
    const other = { files: diff === null || diff.files.length === 0 ? files : diff.files, set: [...own.set, { name: DIFF_SET, texts: diff?.set ?? [] }] };
    const afterHelm = diff === null ? null : this.#helm(other.files, other.set, profiles[1]);
    const alerts = this.#options.alerts.flatMap((path) => this.#alerts(path));
    this.#found.throwIfErrors();
    const common = { kernel: kernel!, shapes, alerts, backendsPerService: backends };
    const side = (helm: HelmRead, profile: CiliumProfile, paths: readonly string[], texts: readonly string[]): ResolveSide => ({
      request: { ...common, settings: helm.input.settings, profile },
      helm,
      files: paths,
      set: texts,
    });
    return {
      before: side(beforeHelm, profiles[0], files, set),
      after: afterHelm === null ? null : side(afterHelm, profiles[1], other.files, [...set, ...(diff?.set ?? [])]),
      remarks: this.#found.warnings(),
      assumptions: this.#assumptions(),
    };
  }

  /** An option as a whole is to blame. */
  #missing(option: string, message: string, expected: string): void {
    this.#found.unreadable(option, message, { expected });
  }

  /** Releases of both sides; the nearest one stands in for a wrong one, so that the files are read all the same. */
  #ciliumProfiles(): readonly [before: CiliumProfile, after: CiliumProfile] {
    const { cilium, diff } = this.#options;
    if (cilium.length === 0) this.#missing("--cilium", "no release is given", "the release that runs or shall run, such as --cilium 1.19");
    if (cilium.length > 1 && diff === null) this.#missing("--cilium", "several releases are given", "one, or two with --diff");
    if (cilium.length > 2) this.#missing("--cilium", "more than two releases are given", "the one that runs and the one that comes");
    if (diff !== null && cilium.length < 2 && diff.files.length === 0 && diff.set.length === 0) {
      this.#missing("--diff", "there is nothing to compare with", "--diff FILE, --diff --cilium RELEASE (besides the first --cilium), or --diff-set KEY=VALUE");
    }
    const [before, after] = cilium.map((version) => this.#version("--cilium", version, ciliumProfile));
    const first = before ?? ciliumProfile(CILIUM_MINORS.at(-1)!.minor);
    return [first, after ?? first];
  }

  #kernelProfile(): KernelProfile | undefined {
    return this.#version("--kernel", this.#options.kernel ?? ASSUMED_KERNEL, kernelProfile);
  }

  #version<Profile>(option: string, version: string, read: (version: string) => Profile): Profile | undefined {
    try {
      return read(version);
    } catch (error) {
      if (!(error instanceof UnknownVersionError)) throw error;
      const source = new SourceText(option, version);
      this.#found.error(place(source, 0, version.length), error.message, { nearest: error.nearest });
      return read(error.nearest);
    }
  }

  #shapes(): readonly NodeShape[] {
    const { nodes, pin, diff } = this.#options;
    if (nodes.length === 0) this.#missing("--node", "no node is given", NODE_FORM);
    if (pin && nodes.length > 1) this.#missing("--pin", "several node shapes have several sizes", "one --node");
    if (pin && diff !== null) this.#missing("--pin", "two sides have two sizes each", "--pin without --diff");
    return nodes.flatMap((text) => {
      const shape = readNodeShape("--node", text, this.#found);
      if (shape === undefined) return [];
      const { pods, ...rest } = shape;
      return [{ ...rest, endpoints: pods ?? ASSUMED_PODS }];
    });
  }

  #helm(paths: readonly string[], set: readonly { readonly name: string; readonly texts: readonly string[] }[], profile: CiliumProfile): HelmRead {
    const files = paths.flatMap((path) => {
      const content = this.#valuesFile(path);
      return content === undefined ? [] : [{ path, content }];
    });
    const empty: Tree = { kind: "map", entries: new Map(), at: place(new SourceText(SET, ""), 0) };
    const merged = files.reduce<Tree>((tree, { content }) => (content.kind === "values" ? mergeTrees(tree, content.tree) : tree), empty);
    const over = set.reduce<Tree>((tree, { name, texts }) => {
      const base = mergeTrees(merged, tree);
      // Nulls stay in the tree: they take values of the files away.
      return mergeTrees(tree, readSetArguments(name, texts, base, this.#found), "stay");
    }, empty);
    return readHelm({ profile, files, set: over.kind === "map" ? over : undefined }, this.#found);
  }

  /** Each file is read once, on whichever sides it stands. */
  #valuesFile(path: string): ValuesFile | undefined {
    if (this.#valuesFiles.has(path)) return this.#valuesFiles.get(path);
    const content = openValuesFile(path, (name) => this.#read(name, "values"), undefined, this.#found);
    this.#valuesFiles.set(path, content);
    return content;
  }

  #alerts(path: string): readonly AlertRule[] {
    const read = this.#read(path, "rules");
    if (read.ok) {
      return readAlertRules(read.source, this.#found).map(({ name, expression, at }) => ({ name: `${name} (${lineOf(at)})`, expression }));
    }
    if (read.at === undefined) this.#found.unreadable(path, `the rule file ${read.message}`, read);
    else this.#found.error(read.at, `the rule file ${read.message}`, read);
    return [];
  }

  /** Standard input is there once; a second reader would find it empty. */
  #read(path: string, what: string): ReadResult {
    if (path === STDIN && this.#stdinHolds !== undefined) {
      return { ok: false, message: `can't be standard input, which holds ${this.#stdinHolds}`, expected: "- once" };
    }
    if (path === STDIN) this.#stdinHolds = what;
    const read = readInput(path);
    if (read.ok) this.#found.openFile(read.source.name);
    return read;
  }

  #assumptions(): readonly string[] {
    const { kernel, nodes } = this.#options;
    const podsUnsaid = nodes.some((text) => !/\dpods?\b/.test(text));
    return [
      "A node's memory as given is taken for its MemTotal; a machine sold with so much reports a little less.",
      ...(podsUnsaid ? [`${ASSUMED_PODS} pods a node, the kubelet's default limit, where --node doesn't say (16cpu,64Gi,60pods).`] : []),
      ...(kernel === undefined ? [`Kernel ${ASSUMED_KERNEL}: --kernel was not given.`] : []),
    ];
  }
}
