/** Fields of a flow that a request asks for (google.protobuf.FieldMask): pkg/hubble/parser/fieldmask. */
import type { DescMessage } from "@bufbuild/protobuf";
import { reflect, type ReflectMessage } from "@bufbuild/protobuf/reflect";
import { FlowSchema, type Flow } from "../proto/flow_pb.js";

/** A path names no field of a flow. */
export class FieldMaskError extends Error {
  override readonly name = "FieldMaskError";
}

export interface FieldMaskTree {
  /** Clears every other field. */
  apply(flow: Flow): void;
}

/** Fields below; empty: the whole field. */
type Tree = Map<string, Tree>;

/** Reads paths of .proto names such as `source.pod_name`; throws a `FieldMaskError`. */
export function fieldMask(paths: readonly string[]): FieldMaskTree {
  const root: Tree = new Map();
  for (const path of paths) addPath(root, path);
  return { apply: (flow) => keep(reflect(FlowSchema, flow), root) };
}

function addPath(root: Tree, path: string): void {
  let tree = root;
  let desc: DescMessage | undefined = FlowSchema;
  const names = path.split(".");
  for (const [depth, name] of names.entries()) {
    const field: DescMessage["fields"][number] | undefined = desc?.fields.find((each) => each.name === name);
    if (field === undefined) throw new FieldMaskError(`invalid fieldmask: a flow has no field ${path}`);
    desc = field.fieldKind === "message" ? field.message : undefined;
    const known = tree.get(name);
    // A field that is wanted as a whole stays whole.
    if (known !== undefined && known.size === 0) return;
    if (depth === names.length - 1) tree.set(name, new Map());
    else if (known === undefined) tree.set(name, new Map());
    tree = tree.get(name)!;
  }
}

function keep(message: ReflectMessage, tree: Tree): void {
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    const below = tree.get(field.name);
    if (below === undefined) message.clear(field);
    else if (below.size > 0 && field.fieldKind === "message") {
      const part = message.get(field);
      keep(part, below);
      message.set(field, part);
    }
  }
}
