/** Templates as JSON: from stored to written form, faults at their places, typed params. */
import { type Template, templateDefinition } from "@contimg/contract";
import { expect, test } from "vitest";

import { jsonFault, placeAt } from "./json-place.ts";
import { editableOf, readDefinition, readParams, templateGraph } from "./templates.model.ts";

const TEMPLATE: Template = {
  name: "image-field",
  version: 3,
  created_at: "2026-01-25T08:00:00Z",
  params: [
    { name: "field", type: "string" },
    { name: "channels", type: "integer", default: 4 },
    { name: "threshold", type: "number", required: false },
  ],
  nodes: [
    { node: "solve", task_name: "solve", params: {}, depends_on: [] },
    {
      node: "image",
      task_name: "imaging",
      params: { f: { $param: "field" } },
      queue_name: "imaging",
      timeout_seconds: 60,
      depends_on: [{ on: "solve", when: { matches: "$.rms < 0.5" }, otherwise: "skip" }],
    },
    {
      node: "report",
      task_name: "report",
      params: {},
      depends_on: [{ any_of: ["solve", { on: "image", when: "always" }] }],
    },
  ],
};

test("a stored template becomes what the API takes", () => {
  const { text, lost } = editableOf(TEMPLATE);
  expect(lost).toEqual([]);
  const { definition, faults } = readDefinition(text);
  expect(faults).toBeUndefined();
  expect(templateDefinition.parse(definition).nodes[1]).toMatchObject({
    queue_name: "imaging",
    timeout_sec: 60,
    depends_on: [{ node: "solve", result_matches: "$.rms < 0.5", otherwise: "skip" }],
  });
  expect(definition?.nodes[2]?.depends_on).toEqual([
    { any_of: [{ node: "solve" }, { node: "image", when: "always" }] },
  ]);
});

test("what the API cannot write is named before it is lost", () => {
  const [first] = TEMPLATE.nodes;
  const nodes = [{ ...first!, for_each: { of: "a" } }];
  expect(editableOf({ ...TEMPLATE, nodes }).lost).toEqual(['"solve": for_each']);
});

test("edges of a template are those of its nodes, with their conditions", () => {
  expect(templateGraph(TEMPLATE.nodes).edges).toEqual([
    { from: "solve", to: "image", label: "$.rms < 0.5" },
    { from: "solve", to: "report", label: "any of" },
    { from: "image", to: "report", label: "any of always" },
  ]);
});

test("a fault of syntax is at its sign", () => {
  expect(jsonFault('{"a": 1}')).toBeUndefined();
  expect(jsonFault('{\n  "a": 1\n  "b": 2\n}')).toMatchObject({
    message: "expected , or }",
    place: { line: 3, column: 3 },
  });
  expect(jsonFault('{"a": [1, }')?.place.column).toBe(11);
});

test("a path leads to its value, or to the deepest that is there", () => {
  const text = '{\n "nodes": [\n  {"node": "a"},\n  {"node": 7}\n ]\n}';
  const place = placeAt(text, ["nodes", 1, "node"]);
  expect(text.slice(place.start, place.end)).toBe("7");
  expect(place.line).toBe(4);
  expect(placeAt(text, ["nodes", 0, "task_name"])).toMatchObject({ line: 3, column: 3 });
});

test("a definition is refused where a name, a parent or a field is wrong", () => {
  const text = JSON.stringify(
    {
      nodes: [
        { node: "a", task_name: "t" },
        { node: "a", task_name: "t", depends_on: ["b"] },
      ],
    },
    null,
    1,
  );
  expect(readDefinition(text).faults?.map((fault) => fault.message)).toEqual([
    "a second node of this name",
    'no node "b"',
  ]);
  const [fault] = readDefinition('{"nodes": [{"node": "a"}]}').faults ?? [];
  expect(fault).toMatchObject({ field: "nodes.0.task_name", place: { line: 1, column: 12 } });
});

test("params are read by their types; what is empty is left to its default", () => {
  expect(readParams(TEMPLATE, { field: "3C48", channels: "8" })).toEqual({
    params: { field: "3C48", channels: 8 },
    faults: {},
  });
  expect(readParams(TEMPLATE, { field: "", channels: "1.5", threshold: "x" }).faults).toEqual({
    field: "expected a text",
    channels: "expected a whole number",
    threshold: "expected a number",
  });
});
