import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { parseDeadLetterFilter } from "./dead-letters.ts";

const NOW = new Date("2026-01-25T09:00:00Z");

describe("the filter of dead letters", () => {
  test("is the grammar of tasks, by the fields that they have", () => {
    assert.deepEqual(
      parseDeadLetterFilter(
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
    assert.deepEqual(parseDeadLetterFilter("", NOW), { filter: {} });
  });

  test("points at what they have no field for, and at what it cannot say", () => {
    const faults = (text: string) => parseDeadLetterFilter(text, NOW).faults ?? [];
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
