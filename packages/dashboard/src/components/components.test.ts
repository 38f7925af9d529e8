import assert from "node:assert/strict";

import type { LogLine } from "@contimg/contract";
import { describe, test } from "vitest";

import { isSameView } from "../api/views.ts";
import { parseAnsi, stripAnsi } from "./ansi.ts";
import { logFile, shownLines } from "./log.model.ts";
import { isTaskId, matching } from "./palette.model.ts";
import { RowSlots } from "./row-slots.ts";
import { sparkPath } from "./Sparkline.tsx";
import { moveTo, NO_CURSOR, toggled, withRange } from "./table-selection.ts";
import { sortRows } from "./table-sort.tsx";

describe("a selection", () => {
  const keyAt = (index: number) => String(index);

  test("grows from where it began, up and down", () => {
    const cursor = moveTo(NO_CURSOR, 3, 10, false);
    const down = moveTo(cursor, 5, 10, true);
    assert.deepEqual([...withRange(new Set(), down, keyAt)], ["3", "4", "5"]);
    assert.deepEqual([...withRange(new Set(), moveTo(down, 2, 10, true), keyAt)], ["2", "3"]);
  });

  test("stays within the rows, and is none where there are none", () => {
    assert.equal(moveTo(NO_CURSOR, 99, 10, false).active, 9);
    assert.equal(moveTo(NO_CURSOR, -5, 10, false).active, 0);
    assert.deepEqual(moveTo(NO_CURSOR, 1, 0, false), NO_CURSOR);
  });

  test("takes a row in and out", () => {
    assert.deepEqual([...toggled(toggled(new Set(["a"]), "b"), "a")], ["b"]);
  });
});

describe("rows in order", () => {
  const column = {
    id: "n",
    header: "N",
    width: 1,
    cell: String,
    sortValue: (n: number | null) => n,
  };

  test("have what is not known last, both ways", () => {
    const rows = [3, null, 1, 2];
    const sorted = (descending: boolean) => sortRows(rows, [column], { by: "n", descending });
    assert.deepEqual(sorted(false), [1, 2, 3, null]);
    assert.deepEqual(sorted(true), [3, 2, 1, null]);
    assert.equal(sortRows(rows, [column], undefined), rows);
  });
});

describe("a log", () => {
  const line = (level: LogLine["level"], message: string): LogLine => ({
    line: message,
    attempt: 1,
    at: "2026-01-25T08:08:54Z",
    level,
    message,
    fields: { group: "g7", n: 3 },
  });
  const lines = [
    line("info", "one"),
    line("warn", "\u001b[31mtwo\u001b[0m"),
    line("error", "three"),
  ];

  test("shows a level and what is worse, and what has the words, fields too", () => {
    const shown = (level: LogLine["level"], search = "") =>
      shownLines(lines, { level, search }).map((each) => each.line.replaceAll("\u001b", "^"));
    assert.deepEqual(shown("warn"), ["^[31mtwo^[0m", "three"]);
    assert.deepEqual(shown("info", "TWO"), ["^[31mtwo^[0m"]);
    assert.equal(shown("info", "group=g7").length, 3);
  });

  test("is written without colors", () => {
    assert.equal(logFile(lines.slice(1, 2)), "2026-01-25T08:08:54Z #1 WARN two group=g7 n=3\n");
  });

  test("has its colors as classes, and no other escapes", () => {
    assert.deepEqual(parseAnsi("a\u001b[1;31mb\u001b[38;5;7mc\u001b[0md\u001b[2K"), [
      { text: "a", classes: "" },
      { text: "b", classes: "ansi-red ansi-bold" },
      { text: "c", classes: "ansi-red ansi-bold" },
      { text: "d", classes: "" },
    ]);
    assert.equal(stripAnsi("\u001b]0;title\u0007x\u001b[32my"), "xy");
  });
});

describe("the palette", () => {
  const run = () => undefined;
  const commands = ["Dead letters", "Templates", "Tasks"].map((label) => ({
    id: label,
    label,
    kind: "Page",
    run,
  }));

  test("offers what begins with the text first", () => {
    assert.deepEqual(
      matching(commands, "t").map((each) => each.label),
      ["Templates", "Tasks", "Dead letters"],
    );
    assert.deepEqual(
      matching(commands, "page let").map((each) => each.label),
      ["Dead letters"],
    );
    assert.deepEqual(matching(commands, "zz"), []);
  });

  test("knows a task's id", () => {
    assert.ok(isTaskId(" 01a21ddf-9372-7000-9040-000000000000 "));
    assert.ok(!isTaskId("imaging"));
  });
});

test("a sparkline has a gap where nothing is known", () => {
  assert.equal(sparkPath([0, 2, null, 1]), "M0.0 30.0L40.0 2.0M120.0 16.0");
});

test("a view is the same when it says the same, whatever an address leaves out", () => {
  const view = { q: "status:failed", fingerprint: "" };
  assert.ok(isSameView(view, { q: "status:failed" }));
  assert.ok(isSameView({ name: "", status: undefined }, {}));
  assert.ok(isSameView({ mine: true, state: "all" }, { state: "all", mine: true }));
  assert.ok(!isSameView(view, {}));
  assert.ok(!isSameView({}, view));
  assert.ok(!isSameView({ state: "all" }, { state: "open" }));
});

describe("the elements of rows", () => {
  const keys = (from: number, count = 4) =>
    Array.from({ length: count }, (_, index) => `row ${from + index}`);

  test("stay with their rows, in order, while some of them stay in sight", () => {
    const slots = new RowSlots();
    assert.deepEqual(slots.assign(keys(0)), [0, 1, 2, 3]);
    assert.deepEqual(slots.assign(keys(2)), [2, 3, 4, 5]);
    assert.deepEqual(slots.assign(keys(1)), [6, 2, 3, 4]);
    assert.deepEqual(slots.assign(keys(1)), [6, 2, 3, 4]);
  });

  test("are filled anew, in order, when none of their rows is in sight any more", () => {
    const slots = new RowSlots();
    slots.assign(keys(0));
    assert.deepEqual(slots.assign(keys(100, 5)), [0, 1, 2, 3, 4]);
    assert.deepEqual(slots.assign(keys(50, 2)), [0, 1]);
  });

  test("are not taken from the row that has the focus", () => {
    const slots = new RowSlots();
    slots.assign(keys(0));
    assert.deepEqual(slots.assign(keys(100), "row 1"), [0, 2, 3, 4]);
  });
});
