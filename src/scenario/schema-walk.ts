/** Looks into a zod schema: which keys are valid at a path. Used for suggestions and for `--set` paths. */

import { z } from "zod";
import type { Path } from "./tree.js";

type AnySchema = z.core.$ZodType;

/** The schema without what wraps it: defaults, optional, transforms. */
function bare(schema: AnySchema): AnySchema {
  let inner = schema;
  for (;;) {
    if (inner instanceof z.ZodOptional || inner instanceof z.ZodPrefault || inner instanceof z.ZodDefault) inner = inner._zod.def.innerType;
    else if (inner instanceof z.ZodPipe) inner = inner._zod.def.in;
    else return inner;
  }
}

/** All schemas that a value at one step below may have; several where a union offers several. */
function below(schema: AnySchema, step: string | number): readonly AnySchema[] {
  const inner = bare(schema);
  if (inner instanceof z.ZodUnion) return inner._zod.def.options.flatMap((option) => below(option, step));
  if (inner instanceof z.ZodObject && typeof step === "string") {
    const shape: Readonly<Record<string, AnySchema>> = inner._zod.def.shape;
    return Object.hasOwn(shape, step) ? [shape[step]!] : [];
  }
  if (inner instanceof z.ZodRecord && typeof step === "string") return [inner._zod.def.valueType];
  if (inner instanceof z.ZodArray && typeof step === "number") return [inner._zod.def.element];
  if (inner instanceof z.ZodTuple && typeof step === "number") return inner._zod.def.items.slice(step, step + 1);
  return inner instanceof z.ZodAny && schema === inner ? [inner] : [];
}

/** The schemas at a path; empty when the path does not exist. */
export function schemasAt(schema: AnySchema, path: Path): readonly AnySchema[] {
  return path.reduce<readonly AnySchema[]>((level, step) => level.flatMap((each) => below(each, step)), [schema]);
}

/** Valid keys of the mapping at a path; undefined when any key is valid there. */
export function keysAt(schema: AnySchema, path: Path): readonly string[] | undefined {
  const keys = new Set<string>();
  const collect = (each: AnySchema): boolean => {
    const inner = bare(each);
    if (inner instanceof z.ZodUnion) return inner._zod.def.options.map(collect).every((closed) => closed);
    if (inner instanceof z.ZodObject) for (const key of Object.keys(inner._zod.def.shape)) keys.add(key);
    return !(inner instanceof z.ZodRecord || (inner instanceof z.ZodAny && each === inner));
  };
  const closed = schemasAt(schema, path).map(collect);
  return closed.every((each) => each) ? [...keys] : undefined;
}

/** Whether the value at a path is a list. */
export function isListAt(schema: AnySchema, path: Path): boolean {
  return schemasAt(schema, path).some((each) => bare(each) instanceof z.ZodArray);
}

/** The alternatives of the union at a path; empty when there is none. */
export function unionOptions(schema: AnySchema, path: Path): readonly AnySchema[] {
  for (const each of schemasAt(schema, path)) {
    const inner = bare(each);
    if (inner instanceof z.ZodUnion) return inner._zod.def.options;
  }
  return [];
}
