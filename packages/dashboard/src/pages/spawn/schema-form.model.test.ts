import assert from "node:assert/strict";

import { describe, test } from "vitest";
import { z } from "zod";

import { fieldsOf, paramsOf, textsOf } from "./schema-form.model.ts";

const SCHEMA = z.toJSONSchema(
  z.strictObject({
    group_id: z.string().describe("first instant"),
    band: z.enum(["low", "high"]).default("low"),
    count: z.int().min(1).max(128),
    deep: z.boolean().optional(),
    path: z.array(z.string()).optional(),
  }),
  { io: "input" },
);

describe("the form of a schema", () => {
  const fields = fieldsOf(SCHEMA)!;

  test("has a field for each member, of its kind", () => {
    assert.deepEqual(
      fields.map((field) => [field.name, field.kind, field.isRequired]),
      [
        ["group_id", "text", true],
        ["band", "choice", false],
        ["count", "integer", true],
        ["deep", "boolean", false],
        ["path", "json", false],
      ],
    );
    assert.equal(fields[0]?.description, "first instant");
    assert.equal(fields[1]?.initial, "low");
    assert.equal(fields[2]?.hint, "1 to 128");
  });

  test("makes params of texts, and leaves out what is empty", () => {
    const texts = { group_id: "2026", count: "96", path: '["a"]', deep: "true" };
    assert.deepEqual(paramsOf(fields, texts), {
      params: { group_id: "2026", band: "low", count: 96, path: ["a"], deep: true },
    });
  });

  test("says of each field what is wrong with it", () => {
    const { faults } = paramsOf(fields, { count: "9.5", path: "[" });
    assert.deepEqual(faults, {
      group_id: "needed",
      count: '"9.5" is not a whole number',
      path: '"[" is not JSON',
    });
  });

  test("takes params back as texts", () => {
    const params = { group_id: "2026", count: 96, path: ["a"] };
    const texts = textsOf(fields, params);
    assert.deepEqual(paramsOf(fields, { ...texts, band: "" }).params, params);
  });

  test("is none where the schema names no members", () => {
    assert.equal(fieldsOf(null), undefined);
    assert.equal(fieldsOf({ type: "object" }), undefined);
  });
});
