import assert from "node:assert/strict";

import { describe, test } from "vitest";

import {
  deadLetterViewOf,
  patchParams,
  readDeadLetterFilter,
  searchOfDeadLetterView,
} from "./dead-letters.model.ts";

const NOW = new Date("2026-01-25T09:00:00Z");

test("a saved view keeps the filter and the group of failures", () => {
  for (const search of [
    { q: "name:imaging ended>-2h", fingerprint: "" },
    { q: "", fingerprint: "f00d" },
    { q: 'error:"no space"', fingerprint: "f00d" },
  ]) {
    assert.deepEqual(searchOfDeadLetterView(deadLetterViewOf(search)), search);
  }
});

describe("the filter of dead letters", () => {
  test("is the grammar of tasks, by the fields that they have", () => {
    assert.deepEqual(
      readDeadLetterFilter(
        'status:failed queue:dsa name:imaging error:"no space" class:fatal correlation:x ended>-2h',
        NOW,
      ),
      {
        filter: {
          queue_name: "dsa",
          task_name: "imaging",
          error_tag: "no space",
          error_class: "fatal",
          correlation_id: "x",
          failed_from: "2026-01-25T07:00:00.000Z",
        },
      },
    );
    assert.deepEqual(readDeadLetterFilter("", NOW), { filter: {} });
  });

  test("points at what they have no field for, and at what it cannot say", () => {
    const faults = (text: string) => readDeadLetterFilter(text, NOW).faults ?? [];
    assert.deepEqual(faults("name:a worker:b"), [
      {
        field: "q",
        start: 7,
        end: 15,
        message:
          "dead letters have queue, name, error, class, correlation, ended; " +
          "for worker filter the tasks by status:failed",
      },
    ]);
    assert.match(faults("name:a,b")[0]!.message, /name takes one value here/);
    assert.match(faults("-name:a")[0]!.message, /name takes one value here/);
    assert.match(faults("name:a name:b")[0]!.message, /given twice/);
    assert.match(faults("status:completed")[0]!.message, /dead letters have/);
    assert.equal(faults("status:failed,cancelled").length, 1);
    assert.equal(faults("nmae:a").length, 1);
  });
});

describe("a patch of params", () => {
  test("replaces members, adds some, and null takes one away", () => {
    assert.deepEqual(patchParams({ a: 1, b: [2], c: 3 }, { a: 5, b: null, d: "x", c: 3 }), {
      after: { a: 5, c: 3, d: "x" },
      changed: ["a", "b", "d"],
    });
  });

  test("of what is not there changes nothing", () => {
    assert.deepEqual(patchParams({ a: 1 }, { b: null }), { after: { a: 1 }, changed: [] });
  });

  test("needs an object on both sides", () => {
    assert.match(patchParams({ a: 1 }, [1]).fault ?? "", /patch has to be an object/);
    assert.match(patchParams([1], { a: 1 }).fault ?? "", /params are no object/);
  });
});
