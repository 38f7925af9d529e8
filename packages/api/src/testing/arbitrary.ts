/** Values for a fuzzer: what fits a JSON Schema, nearly fits it, or was made to do harm. */
import fc from "fast-check";

export type JsonSchema = Readonly<Record<string, unknown>>;

/** Each broke something once, somewhere. */
const HOSTILE: readonly unknown[] = [
  "",
  "\u0000",
  "\ud800",
  "'; drop table absurd.task; --",
  "../../etc/passwd",
  "%00%ff",
  "${jndi:ldap://x}",
  "__proto__",
  "constructor",
  "a".repeat(5_000),
  "🛰️".repeat(300),
  "2026-02-30T25:61:61Z",
  "0000-01-01T00:00:00Z",
  "+275760-09-13T00:00:00.000Z",
  "9999-12-31T23:59:59Z",
  "00000000-0000-0000-0000-000000000000",
  "ffffffff-ffff-7fff-bfff-ffffffffffff",
  "status:failed age>99999999999999999999d",
  "* * * * 61",
  "0 0 30 2 *",
  -1,
  0,
  1e308,
  -1e308,
  2 ** 53,
  2 ** 63,
  5e-324,
  null,
  true,
  [],
  {},
  [[[[[[]]]]]],
  { __proto__: null, toString: "x" },
];

const DEPTH_MAX = 5;

/** Mostly what fits; a hostile value at any place now and then. */
export function arbitraryOf(schema: JsonSchema, depth = 0): fc.Arbitrary<unknown> {
  return fc.oneof(
    { weight: 14, arbitrary: fitting(schema, depth) },
    { weight: 1, arbitrary: fc.constantFrom(...HOSTILE) },
  );
}

export function hostileText(): fc.Arbitrary<string> {
  return fc.oneof(
    fc.constantFrom(...HOSTILE.filter((each) => typeof each === "string")),
    fc.string({ maxLength: 30, unit: "binary" }),
  );
}

function fitting(schema: JsonSchema, depth: number): fc.Arbitrary<unknown> {
  if (depth > DEPTH_MAX) return fc.constant(null);
  if ("const" in schema) return fc.constant(schema["const"]);
  if (Array.isArray(schema["enum"])) return fc.constantFrom(...(schema["enum"] as unknown[]));
  const choices = (schema["anyOf"] ?? schema["oneOf"]) as JsonSchema[] | undefined;
  if (choices) return fc.oneof(...choices.map((each) => arbitraryOf(each, depth + 1)));
  switch (schema["type"]) {
    case "object":
      return objectOf(schema, depth);
    case "array":
      return fc.array(arbitraryOf((schema["items"] ?? {}) as JsonSchema, depth + 1), {
        minLength: Math.min(Number(schema["minItems"] ?? 0), 3),
        maxLength: 3,
      });
    case "string":
      return textOf(schema);
    case "integer":
      return fc.integer(rangeOf(schema));
    case "number":
      return fc.double({ ...rangeOf(schema), noNaN: true, noDefaultInfinity: true });
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

function objectOf(schema: JsonSchema, depth: number): fc.Arbitrary<unknown> {
  const properties = (schema["properties"] ?? {}) as Record<string, JsonSchema>;
  const required = new Set((schema["required"] ?? []) as string[]);
  return fc.record(
    Object.fromEntries(
      Object.entries(properties).map(([key, each]) => [key, arbitraryOf(each, depth + 1)]),
    ),
    { requiredKeys: [...required].filter((key) => key in properties) },
  );
}

function textOf(schema: JsonSchema): fc.Arbitrary<unknown> {
  if (schema["format"] === "uuid") return fc.uuid();
  if (schema["format"] === "date-time") {
    return fc.date({ noInvalidDate: true }).map((date) => date.toISOString());
  }
  const minLength = Number(schema["minLength"] ?? 0);
  const maxLength = Math.max(minLength, Math.min(Number(schema["maxLength"] ?? 20), 20));
  const pattern = schema["pattern"];
  return typeof pattern === "string"
    ? fc.oneof(fc.stringMatching(new RegExp(pattern)), fc.string({ minLength, maxLength }))
    : fc.oneof(
        fc.string({ minLength, maxLength, unit: "grapheme" }),
        fc.constantFrom("default", "a", "fuzz"),
      );
}

function rangeOf(schema: JsonSchema): { min: number; max: number } {
  const min = Number(schema["minimum"] ?? schema["exclusiveMinimum"] ?? -1000);
  const max = Number(schema["maximum"] ?? schema["exclusiveMaximum"] ?? 1e9);
  const clamp = (value: number): number => Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, value));
  return { min: clamp(min), max: Math.max(clamp(min), clamp(max)) };
}
