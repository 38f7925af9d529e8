/** The OpenAPI document as others read it: by a validator that is not ours. */
import assert from "node:assert/strict";

import { Validator } from "@seriousme/openapi-schema-validator";
import { test } from "vitest";

import { openApiDocument } from "./document.ts";

type Fields = Record<string, unknown>;

function wire(): Fields {
  const document = openApiDocument({ version: "1.2.3", serverUrl: "http://127.0.0.1:8000" });
  return JSON.parse(JSON.stringify(document)) as Fields;
}

test("is valid OpenAPI 3.1, and every reference leads somewhere", async () => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(wire());
  assert.deepEqual([valid, errors], [true, undefined]);
  assert.equal(validator.version, "3.1");
  assert.ok(validator.resolveRefs());
});

test("has a reference that leads nowhere found", async () => {
  const document = wire();
  const tasks = (document["paths"] as Record<string, Fields>)["/absurd/tasks"]!;
  tasks["get"] = { ...(tasks["get"] as Fields), responses: { 200: { $ref: "#/components/none" } } };
  const validator = new Validator();
  await validator.validate(document);
  assert.throws(() => validator.resolveRefs(), /Can't resolve|not found|none/i);
});

/** A validator that lets everything pass proves nothing. */
const FAULTS: Readonly<Record<string, (paths: Record<string, Fields>) => void>> = {
  "an answer that does not say what it is": (paths) => {
    (paths["/absurd/tasks"]!["get"] as Fields)["responses"] = { 200: {} };
  },
  "a parameter without its place": (paths) => {
    const [parameter] = (paths["/absurd/tasks"]!["get"] as { parameters: Fields[] }).parameters;
    delete parameter!["in"];
  },
  "a body without content": (paths) => {
    (paths["/absurd/tasks"]!["post"] as Fields)["requestBody"] = { required: true };
  },
};

for (const [fault, make] of Object.entries(FAULTS)) {
  test(`is not valid with ${fault}`, async () => {
    const document = wire();
    make(document["paths"] as Record<string, Fields>);
    assert.equal((await new Validator().validate(document)).valid, false);
  });
}
