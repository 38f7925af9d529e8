import assert from "node:assert/strict";

import { describe, test } from "vitest";

import {
  estimateSeconds,
  formatBytes,
  formatDuration,
  formatTable,
  progressLine,
} from "./terminal.ts";

test("a table aligns words to the left and numbers to the right", () => {
  const text = formatTable(
    ["NAME", "COUNT"],
    [
      ["a", 7],
      ["long name", 1234],
    ],
  );
  assert.equal(text, ["NAME       COUNT", "a              7", "long name   1234"].join("\n"));
});

test("a table is cut to the terminal: the widest texts first, then whole columns", () => {
  const rows = [["019b0c5e", "calibration-solve", 12.5, "no space left on the device"]];
  const of = (columns: number): string[] =>
    formatTable(["TASK", "NAME", "RUN s", "ERROR"], rows, columns).split("\n");
  assert.equal(of(80)[1], "019b0c5e  calibration-solve   12.5  no space left on the device");
  assert.deepEqual(of(30), ["TASK      NAME       ERROR", "019b0c5e  calibrat…  no space…"]);
  for (const columns of [200, 60, 50, 40, 30, 20]) {
    assert.ok(
      of(columns).every((line) => line.length <= columns),
      String(columns),
    );
  }
});

test.each([
  [0, "0 s"],
  [59.6, "1 min 0 s"],
  [119.7, "2 min 0 s"],
  [80, "1 min 20 s"],
  [1500, "25 min"],
  [7500, "2 h 5 min"],
])("%d seconds read as %s", (seconds, text) => {
  assert.equal(formatDuration(seconds), text);
});

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [145_348_600, "145 MB"],
  [2_325_577_600, "2.33 GB"],
])("%d bytes read as %s", (bytes, text) => {
  assert.equal(formatBytes(bytes), text);
});

describe("progress", () => {
  test("is estimated from the pace so far, but not from the first moments", () => {
    assert.equal(estimateSeconds(0.25, 10), 30);
    assert.equal(estimateSeconds(0.01, 10), undefined);
  });

  test("is a bar that redraws itself on a terminal and goes away at the end", () => {
    const { written, line, tick } = setup({ isTTY: true });

    line.update(0.5, "half");
    tick(20);
    line.update(0.6, "too soon to draw");
    tick(1000);
    line.update(0.75, "more");
    line.end();

    assert.equal(written.length, 3);
    assert.match(written[1]!, /^\r.*\[#{18}-{6}\] imaging 75 %, 0 s left: more$/);
    assert.equal(written[2], "\r\u001b[2K");
  });

  test("is a plain line now and then elsewhere", () => {
    const { written, line, tick } = setup({ isTTY: false });

    line.update(0.1, "first");
    tick(1000);
    line.update(0.2, "too soon");
    line.update(1, "all");
    line.end();

    assert.deepEqual(written, ["imaging 10 %, 0 s left: first\n", "imaging 100 %: all\n"]);
  });
});

function setup({ isTTY }: { isTTY: boolean }) {
  const written: string[] = [];
  let nowMs = 0;
  const stream = { isTTY, columns: 200, write: (text: string) => written.push(text) > 0 };
  return {
    written,
    line: progressLine("imaging", stream, () => nowMs),
    tick: (ms: number): void => {
      nowMs += ms;
    },
  };
}
