/** The OpenAPI document against the rules of OpenAPI 3.1 and JSON Schema 2020-12. */
import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { PROBLEMS, type ProblemCode } from "../problem.ts";
import type { Route } from "../route.ts";
import { ROUTES } from "../routes.ts";
import { openApiDocument } from "./document.ts";

const DOCUMENT = openApiDocument({ version: "1.2.3", serverUrl: "http://127.0.0.1:8000" });

/** As a client sees it. */
const WIRE = JSON.parse(JSON.stringify(DOCUMENT)) as Fields;

type Fields = Readonly<Record<string, unknown>>;

/** What the specification's section 4.8 lets each object have. */
const MAY_HAVE = {
  document: "openapi info servers tags security paths components",
  info: "title version summary description license",
  operation: "operationId summary description tags security parameters requestBody responses",
  parameter: "name in description required schema",
  body: "description required content",
  response: "description headers content",
  media: "schema",
  header: "description required schema",
} as const;

/** Keywords of JSON Schema 2020-12 that zod writes, with the type of their value. */
const KEYWORDS: Readonly<Record<string, (value: unknown) => boolean>> = {
  $ref: isText,
  type: (value) => isType(value) || (Array.isArray(value) && value.every(isType)),
  const: () => true,
  enum: (value) => Array.isArray(value) && value.length > 0,
  default: () => true,
  description: isText,
  format: isText,
  pattern: (value) => isText(value) && new RegExp(value as string, "u") instanceof RegExp,
  minLength: isCount,
  maxLength: isCount,
  minItems: isCount,
  maxItems: isCount,
  minimum: isNumber,
  maximum: isNumber,
  exclusiveMinimum: isNumber,
  exclusiveMaximum: isNumber,
  required: (value) => Array.isArray(value) && value.every(isText),
  properties: isRecord,
  additionalProperties: (value) => typeof value === "boolean" || isRecord(value),
  propertyNames: isRecord,
  items: isRecord,
  anyOf: Array.isArray,
  oneOf: Array.isArray,
  allOf: Array.isArray,
  contentMediaType: isText,
  contentSchema: isRecord,
};

interface SeenOperation {
  readonly path: string;
  readonly method: string;
  readonly operation: Fields;
}

const OPERATIONS: readonly SeenOperation[] = Object.entries(WIRE["paths"] as Fields).flatMap(
  ([path, item]) =>
    Object.entries(item as Fields).map(([method, operation]) => ({
      path,
      method,
      operation: operation as Fields,
    })),
);

describe("the document", () => {
  test("has every route once, under its name", () => {
    const described = OPERATIONS.map(({ path, method, operation }) => [
      operation["operationId"],
      method.toUpperCase(),
      path,
    ]);
    const routes = Object.entries<Route>(ROUTES).map(([name, { method, path }]) => [
      name,
      method,
      path,
    ]);
    assert.deepEqual(described.toSorted(), routes.toSorted());
    assert.equal(new Set(described.map(([id]) => id)).size, described.length);
  });

  test("resolves each reference, and uses each component", () => {
    const references = new Set(valuesOf(WIRE, "$ref") as string[]);
    for (const reference of references) assert.ok(find(reference), reference);
    const components = Object.entries(WIRE["components"] as Fields).flatMap(([section, named]) =>
      section === "securitySchemes"
        ? []
        : Object.keys(named as Fields).map((name) => `#/components/${section}/${name}`),
    );
    assert.deepEqual([...references].toSorted(), components.toSorted());
  });

  test("has objects with the fields that OpenAPI knows, and those that it requires", () => {
    check("document", WIRE, ["openapi", "info", "paths"]);
    check("info", WIRE["info"] as Fields, ["title", "version"]);
    for (const { operation } of OPERATIONS) {
      check("operation", operation, ["operationId", "responses", "summary", "tags"]);
      for (const parameter of parametersOf(operation)) {
        check("parameter", parameter, ["name", "in", "schema"]);
      }
      const body = operation["requestBody"] as Fields | undefined;
      if (body) {
        check("body", body, ["content"]);
        checkContent(body["content"] as Fields);
      }
      for (const [status, response] of Object.entries(operation["responses"] as Fields)) {
        assert.match(status, /^[1-5]\d\d$/);
        checkResponse(resolve(response as Fields));
      }
    }
  });

  test("declares the parameters of each path, and no other in a path", () => {
    for (const { path, operation } of OPERATIONS) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const inPath = parametersOf(operation).filter((each) => each["in"] === "path");
      assert.deepEqual(
        inPath.map((each) => each["name"]),
        named,
        path,
      );
      assert.ok(inPath.every((each) => each["required"] === true));
      const places = parametersOf(operation).map(
        (each) => `${String(each["in"])} ${String(each["name"])}`,
      );
      assert.equal(new Set(places).size, places.length, path);
    }
  });

  test("has schemas of known keywords with values of their types", () => {
    const schemas = [
      ...Object.values((WIRE["components"] as Fields)["schemas"] as Fields),
      ...valuesOf(WIRE["paths"], "schema"),
    ];
    assert.ok(schemas.length > 200);
    for (const schema of schemas) checkSchema(schema as Fields);
  });

  test("has tags and security schemes that are declared", () => {
    const tags = new Set((WIRE["tags"] as { name: string }[]).map(({ name }) => name));
    const schemes = Object.keys((WIRE["components"] as Fields)["securitySchemes"] as Fields);
    for (const { operation } of OPERATIONS) {
      for (const tag of operation["tags"] as string[]) assert.ok(tags.has(tag), tag);
      for (const each of (operation["security"] ?? WIRE["security"]) as Fields[]) {
        for (const scheme of Object.keys(each)) assert.ok(schemes.includes(scheme), scheme);
      }
    }
  });
});

describe("an operation", () => {
  test("says each problem of its route, with its status, and when to come again", () => {
    for (const { operation } of OPERATIONS) {
      const route: Route = ROUTES[operation["operationId"] as keyof typeof ROUTES];
      for (const code of route.problems ?? []) {
        const response = answerOf(operation, String(PROBLEMS[code].status));
        assert.ok(response, `${String(operation["operationId"])} lacks ${code}`);
        assert.match(response["description"] as string, new RegExp(`\\b${code}:`));
        const [, own] = (valuesOf(response, "allOf") as Fields[][])[0]!;
        const codes = (valuesOf(own, "enum") as ProblemCode[][])[0]!;
        assert.ok(codes.includes(code));
        assert.ok(codes.every((each) => PROBLEMS[each].status === PROBLEMS[code].status));
      }
      const away = answerOf(operation, "503")!;
      assert.ok((away["headers"] as Fields)["Retry-After"]);
    }
  });

  test("takes an Idempotency-Key where it changes something", () => {
    const keyed = OPERATIONS.filter(({ operation }) =>
      parametersOf(operation).some((each) => each["name"] === "Idempotency-Key"),
    ).map(({ operation }) => operation["operationId"]);
    assert.ok(
      ["spawnTask", "retryTask", "startBulk", "deleteSchedule"].every((id) => keyed.includes(id)),
    );
    for (const id of ["listTasks", "previewBulk", "previewSchedule", "createToken", "signIn"]) {
      assert.ok(!keyed.includes(id), id);
    }
  });

  test("that reads has an ETag, and one that changes what can be read takes If-Match", () => {
    const readTask = byId("getTask");
    const answer = answerOf(readTask, "200")!;
    assert.deepEqual(Object.keys(answer["headers"] as Fields), ["X-Request-Id", "ETag"]);
    assert.ok(answerOf(readTask, "304"));
    assert.ok(parametersOf(readTask).some((each) => each["name"] === "If-None-Match"));
    const change = byId("updateSchedule");
    assert.ok(parametersOf(change).some((each) => each["name"] === "If-Match"));
    assert.match(answerOf(change, "412")!["description"] as string, /PRECONDITION_FAILED/);
    assert.ok(!parametersOf(byId("retryTask")).some((each) => each["name"] === "If-Match"));
  });

  test("for everyone asks for no token", () => {
    assert.deepEqual(byId("getLiveness")["security"], []);
    assert.equal(answerOf(byId("getLiveness"), "401"), undefined);
    assert.equal(byId("spawnTask")["security"], undefined);
    assert.match(answerOf(byId("spawnTask"), "403")!["description"] as string, /FORBIDDEN/);
  });

  test("that listens promises Server-Sent Events", () => {
    const content = answerOf(byId("listen"), "200")!["content"] as Fields;
    assert.deepEqual(Object.keys(content), ["text/event-stream"]);
    assert.deepEqual(valuesOf(content, "contentSchema"), [
      { $ref: "#/components/schemas/LiveEvent" },
    ]);
  });

  test("has named schemas for what is sent and got", () => {
    assert.deepEqual(valuesOf(byId("spawnTask")["requestBody"], "schema"), [
      { $ref: "#/components/schemas/SpawnRequest" },
    ]);
    const spawn = find("#/components/schemas/SpawnRequest") as Fields;
    assert.deepEqual(spawn["required"], ["task_name"]);
    assert.deepEqual((spawn["properties"] as Fields)["params"], {
      default: {},
      $ref: "#/components/schemas/Json",
    });
    const page = find("#/components/schemas/TaskPage") as Fields;
    assert.deepEqual(valuesOf((page["properties"] as Fields)["tasks"], "items"), [
      { $ref: "#/components/schemas/TaskSummary" },
    ]);
  });
});

function byId(id: string): Fields {
  return OPERATIONS.find(({ operation }) => operation["operationId"] === id)!.operation;
}

function answerOf(operation: Fields, status: string): Fields | undefined {
  const response = (operation["responses"] as Fields)[status];
  return response === undefined ? undefined : resolve(response as Fields);
}

function parametersOf(operation: Fields): Fields[] {
  return ((operation["parameters"] ?? []) as Fields[]).map(resolve);
}

function resolve(value: Fields): Fields {
  return typeof value["$ref"] === "string" ? (find(value["$ref"]) as Fields) : value;
}

function find(reference: string): unknown {
  assert.match(reference, /^#\//);
  return reference
    .slice(2)
    .split("/")
    .reduce<unknown>((at, part) => (at as Fields | undefined)?.[part], WIRE);
}

/** Every value under that key, at any depth. */
function valuesOf(value: unknown, key: string): unknown[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value as Fields).flatMap(([name, each]) =>
    name === key ? [each, ...valuesOf(each, key)] : valuesOf(each, key),
  );
}

function check(kind: keyof typeof MAY_HAVE, value: Fields, required: readonly string[]): void {
  const known = MAY_HAVE[kind].split(" ");
  for (const key of Object.keys(value)) assert.ok(known.includes(key), `${kind} has ${key}`);
  for (const key of required) assert.ok(key in value, `${kind} lacks ${key}`);
}

function checkResponse(response: Fields): void {
  check("response", response, ["description"]);
  for (const header of Object.values((response["headers"] ?? {}) as Fields)) {
    check("header", resolve(header as Fields), ["schema"]);
  }
  checkContent((response["content"] ?? {}) as Fields);
}

function checkContent(content: Fields): void {
  for (const [type, media] of Object.entries(content)) {
    assert.match(type, /^[\w-]+\/[\w.+-]+(; [\w-]+=[\w.]+)?$/);
    check("media", media as Fields, ["schema"]);
  }
}

function checkSchema(schema: Fields): void {
  for (const [keyword, value] of Object.entries(schema)) {
    const isRight = KEYWORDS[keyword];
    assert.ok(isRight, `unknown keyword ${keyword} in ${JSON.stringify(schema).slice(0, 200)}`);
    assert.ok(isRight(value), `${keyword}: ${JSON.stringify(value)}`);
  }
  for (const key of ["items", "additionalProperties", "propertyNames", "contentSchema"]) {
    if (isRecord(schema[key])) checkSchema(schema[key] as Fields);
  }
  for (const key of ["anyOf", "oneOf", "allOf"]) {
    for (const each of (schema[key] ?? []) as Fields[]) checkSchema(each);
  }
  const properties = (schema["properties"] ?? {}) as Fields;
  for (const each of Object.values(properties)) checkSchema(each as Fields);
  // A record requires the keys of its enum, and has no properties.
  if (!schema["properties"]) return;
  for (const name of (schema["required"] ?? []) as string[]) assert.ok(name in properties, name);
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}

function isNumber(value: unknown): boolean {
  return typeof value === "number";
}

function isCount(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 0;
}

function isType(value: unknown): boolean {
  const types = ["null", "boolean", "object", "array", "number", "string", "integer"];
  return types.some((each) => each === value);
}

function isRecord(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
