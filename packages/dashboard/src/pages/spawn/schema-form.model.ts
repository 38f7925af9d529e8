/** A form of the JSON Schema of params: its fields, and the params that texts make. Pure. */

import type { Json } from "../../components/JsonEditor.tsx";

export type FieldKind = "text" | "number" | "integer" | "boolean" | "choice" | "json";

export interface FormField {
  readonly name: string;
  readonly kind: FieldKind;
  readonly isRequired: boolean;
  readonly description: string | undefined;
  /** Of a choice. */
  readonly choices: readonly string[];
  /** As it is typed. */
  readonly initial: string;
  /** "0 to 90", "ISO 8601 instant". */
  readonly hint: string;
}

type Schema = Readonly<Record<string, unknown>>;

/** Undefined: not an object with named members, which only JSON can say. */
export function fieldsOf(schema: unknown): readonly FormField[] | undefined {
  if (!isObject(schema) || !isObject(schema["properties"])) return undefined;
  const required = Array.isArray(schema["required"]) ? schema["required"] : [];
  return Object.entries(schema["properties"]).map(([name, member]) =>
    fieldOf(name, resolve(member, schema), required.includes(name)),
  );
}

function fieldOf(name: string, schema: Schema, isRequired: boolean): FormField {
  const choices = Array.isArray(schema["enum"]) ? schema["enum"].map(String) : [];
  const fallback = schema["default"];
  const kind = kindOf(schema, choices);
  const isText = kind === "text" || kind === "choice";
  const initial =
    fallback === undefined
      ? ""
      : isText && typeof fallback === "string"
        ? fallback
        : JSON.stringify(fallback);
  return {
    name,
    kind,
    isRequired: isRequired && fallback === undefined,
    description: typeof schema["description"] === "string" ? schema["description"] : undefined,
    choices,
    initial,
    hint: hintOf(schema),
  };
}

function kindOf(schema: Schema, choices: readonly string[]): FieldKind {
  if (choices.length > 0) return "choice";
  switch (schema["type"]) {
    case "string":
      return "text";
    case "number":
      return "number";
    case "integer":
      return "integer";
    case "boolean":
      return "boolean";
    default:
      return "json";
  }
}

function hintOf(schema: Schema): string {
  const parts: string[] = [];
  const [least, most] = [schema["minimum"], schema["maximum"]];
  if (typeof least === "number" && typeof most === "number" && most < Number.MAX_SAFE_INTEGER) {
    parts.push(`${least} to ${most}`);
  }
  if (typeof schema["format"] === "string") parts.push(schema["format"]);
  else if (typeof schema["pattern"] === "string") parts.push(`fits ${schema["pattern"]}`);
  return parts.join(", ");
}

/** Follows $ref within the schema, once: zod writes no chains of them. */
function resolve(member: unknown, root: Schema): Schema {
  if (!isObject(member)) return {};
  const ref = member["$ref"];
  if (typeof ref !== "string") return member;
  const found = ref
    .replace(/^#\//, "")
    .split("/")
    .reduce<unknown>((at, key) => (isObject(at) ? at[key] : undefined), root);
  return isObject(found) ? found : {};
}

export type FormTexts = Readonly<Record<string, string>>;

export type FormParams =
  | { readonly params: Readonly<Record<string, Json>>; readonly faults?: never }
  | { readonly params?: never; readonly faults: Readonly<Record<string, string>> };

/** What is left empty is left out; the server judges the rest by the schema itself. */
export function paramsOf(fields: readonly FormField[], texts: FormTexts): FormParams {
  const params: Record<string, Json> = {};
  const faults: Record<string, string> = {};
  for (const field of fields) {
    const text = texts[field.name] ?? field.initial;
    if (text.trim() === "") {
      if (field.isRequired) faults[field.name] = "needed";
      continue;
    }
    const value = valueOf(field, text);
    if (value === undefined) faults[field.name] = `"${text}" is not ${EXPECTED[field.kind]}`;
    else params[field.name] = value;
  }
  return Object.keys(faults).length > 0 ? { faults } : { params };
}

const EXPECTED: Readonly<Record<FieldKind, string>> = {
  text: "a text",
  number: "a number",
  integer: "a whole number",
  boolean: "true or false",
  choice: "one of the choices",
  json: "JSON",
};

function valueOf(field: FormField, text: string): Json | undefined {
  if (field.kind === "text") return text;
  if (field.kind === "choice") return field.choices.includes(text) ? text : undefined;
  if (field.kind === "json") return jsonOf(text);
  if (field.kind === "boolean")
    return text === "true" ? true : text === "false" ? false : undefined;
  const number = Number(text);
  const fits = field.kind === "integer" ? Number.isInteger(number) : Number.isFinite(number);
  return fits ? number : undefined;
}

function jsonOf(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

/** Params back into texts, when the mode changes from JSON to the form. */
export function textsOf(fields: readonly FormField[], params: unknown): FormTexts {
  if (!isObject(params)) return {};
  return Object.fromEntries(
    fields.map(({ name, kind }) => {
      const value = params[name];
      if (value === undefined) return [name, ""];
      const isText = (kind === "text" || kind === "choice") && typeof value === "string";
      return [name, isText ? value : JSON.stringify(value)];
    }),
  );
}

function isObject(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
