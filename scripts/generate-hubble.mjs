// Writes src/hubble/proto/*_pb.ts from the .proto files beside them: npm run generate
// protobufjs reads the files, protoc-gen-es writes the types and the descriptors. A test holds what is committed equal to it.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { create, fromBinary } from "@bufbuild/protobuf";
import { protoCamelCase } from "@bufbuild/protobuf/reflect";
import {
  CodeGeneratorRequestSchema,
  DescriptorProtoSchema,
  EnumDescriptorProtoSchema,
  FileDescriptorProtoSchema,
  ServiceDescriptorProtoSchema,
  file_google_protobuf_any,
  file_google_protobuf_field_mask,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
} from "@bufbuild/protobuf/wkt";
import protobuf from "protobufjs";
import descriptor from "protobufjs/ext/descriptor.js";

// Its package has no entry point but the command.
const { protocGenEs } = createRequire(import.meta.url)("../node_modules/@bufbuild/protoc-gen-es/dist/cjs/src/protoc-gen-es-plugin.js");

const FOLDER = fileURLToPath(new URL("../src/hubble/proto/", import.meta.url));
const WELL_KNOWN = [file_google_protobuf_any, file_google_protobuf_field_mask, file_google_protobuf_timestamp, file_google_protobuf_wrappers];

/** Every generated file: name and text. */
export function generateHubble() {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith(".proto")).sort();
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) => (target.startsWith("google/protobuf/") ? target : join(FOLDER, basename(target)));
  root.loadSync(names, { keepCase: true });
  root.resolveAll();
  const files = inOrderOfImports(names.map((name) => fileDescriptor(name, root)));
  const request = create(CodeGeneratorRequestSchema, {
    fileToGenerate: names,
    parameter: "target=ts,import_extension=js",
    protoFile: [...WELL_KNOWN.map(({ proto }) => proto), ...files],
  });
  const response = protocGenEs.run(request);
  if (response.error) throw new Error(response.error);
  return response.file.map(({ name, content }) => ({ name, text: erasableEnums(content) }));
}

/** What protoc would say of one file. */
function fileDescriptor(name, root) {
  const { package: packageName, imports = [] } = protobuf.parse(readFileSync(join(FOLDER, name), "utf8"), new protobuf.Root(), { keepCase: true });
  const content = root.lookup(packageName).nestedArray;
  const of = (kind, protoType, schema) =>
    content
      .filter((each) => each instanceof kind)
      .map((each) => withWholeNames(fromBinary(schema, protoType.encode(each.toDescriptor("proto3")).finish()), each));
  return create(FileDescriptorProtoSchema, {
    name,
    package: packageName,
    dependency: imports,
    messageType: of(protobuf.Type, descriptor.DescriptorProto, DescriptorProtoSchema),
    enumType: of(protobuf.Enum, descriptor.EnumDescriptorProto, EnumDescriptorProtoSchema),
    service: of(protobuf.Service, descriptor.ServiceDescriptorProto, ServiceDescriptorProtoSchema),
    syntax: "proto3",
  });
}

/** protobufjs names types as the file does; descriptors name them from the root. */
function withWholeNames(described, reflected) {
  for (const field of described.field ?? []) {
    const type = reflected.fields[field.name].resolvedType;
    if (type !== null) field.typeName = type.fullName;
    field.jsonName = protoCamelCase(field.name);
  }
  for (const method of described.method ?? []) {
    const { resolvedRequestType, resolvedResponseType } = reflected.methods[method.name];
    method.inputType = resolvedRequestType.fullName;
    method.outputType = resolvedResponseType.fullName;
  }
  for (const nested of described.nestedType ?? []) withWholeNames(nested, reflected.nested[nested.name]);
  return described;
}

/** A file comes after those it imports. */
function inOrderOfImports(files) {
  const ordered = [];
  const visit = (file) => {
    if (ordered.includes(file)) return;
    for (const name of file.dependency) files.filter((each) => each.name === name).forEach(visit);
    ordered.push(file);
  };
  files.forEach(visit);
  return ordered;
}

/** TypeScript's enums are code that can't be erased; a constant object with a type of its name reads the same. */
function erasableEnums(text) {
  return text.replace(/export enum (\w+) \{([\s\S]*?)\n\}/g, (_all, name, body) => {
    const members = body.replace(/^(\s+\w+) = (-?\d+),$/gm, "$1: $2,");
    return `export const ${name} = {${members}\n} as const;\nexport type ${name} = (typeof ${name})[keyof typeof ${name}];`;
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { name, text } of generateHubble()) writeFileSync(join(FOLDER, name), text);
}
