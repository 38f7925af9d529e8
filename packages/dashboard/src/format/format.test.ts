import assert from "node:assert/strict";

import { localMeanSiderealTime, mjdFromUnixMs, terrestrialCenturies } from "@contimg/astro";
import { describe, test } from "vitest";

import { formatAgo, formatClock, formatInstant, formatShort } from "./instant.ts";
import {
  formatBytes,
  formatCounted,
  formatCountOf,
  formatDuration,
  formatRate,
  formatShare,
} from "./quantity.ts";
import { localSiderealHours } from "./sidereal.ts";

const NIGHT = new Date("2026-01-25T08:08:54Z");
const OVRO = -118.283;

describe("a duration", () => {
  test.each([
    [0, "0 ms"],
    [0.34, "340 ms"],
    [0.9996, "1.0 s"],
    [4.16, "4.2 s"],
    [9.96, "10 s"],
    [59.6, "1 min"],
    [200, "3 min 20 s"],
    [3599.7, "1 h"],
    [7500, "2 h 05 min"],
    [86_399, "1 d"],
    [273_600, "3 d 4 h"],
    [-5, "−5.0 s"],
    [null, "–"],
    [Number.NaN, "–"],
  ])("of %s s is %s", (seconds, text) => {
    assert.equal(formatDuration(seconds), text);
  });
});

describe("a quantity", () => {
  test("has the unit that keeps it short", () => {
    assert.deepEqual([0, 999, 1000, 1_450_000_000, 99_960].map(formatBytes), [
      "0 B",
      "999 B",
      "1.0 kB",
      "1.4 GB",
      "100 kB",
    ]);
    assert.deepEqual([0, 3.21, 0.25, 0.001, 1234].map(formatRate), [
      "0/s",
      "3.2/s",
      "15/min",
      "3.6/h",
      "1,234/s",
    ]);
  });

  test("that is not all is never said to be all", () => {
    assert.deepEqual([0, 0.0001, 0.5, 0.99999, 1].map(formatShare), [
      "0 %",
      "0.1 %",
      "50.0 %",
      "99.9 %",
      "100 %",
    ]);
  });

  test("says when it is a lower bound, and of what it is", () => {
    assert.equal(formatCounted(10_000, true), "at least 10,000");
    assert.deepEqual(
      [1, 2].map((count) => formatCountOf(count, "task")),
      ["1 task", "2 tasks"],
    );
  });
});

describe("an instant", () => {
  const style = { longitudeDeg: OVRO } as const;

  test("is written in each scale", () => {
    assert.equal(formatInstant(NIGHT, { ...style, mode: "utc" }), "2026-01-25 08:08:54 UTC");
    assert.equal(formatInstant(NIGHT, { ...style, mode: "mjd" }), "MJD 61065.339514");
    assert.match(formatInstant(NIGHT, { ...style, mode: "lst" }), /^2026-01-25 LST 08:3\d:\d\d$/);
    assert.match(formatClock(NIGHT, { ...style, mode: "local" }), /UTC[+−]\d/);
  });

  test("of another day has its date", () => {
    const utc = { ...style, mode: "utc" } as const;
    assert.equal(formatShort(NIGHT, utc, new Date("2026-01-25T23:00:00Z")), "08:08:54");
    assert.equal(formatShort(NIGHT, utc, new Date("2026-01-26T00:00:00Z")), "01-25 08:08:54");
  });

  test("is so long ago, or to come", () => {
    const after = (seconds: number) => formatAgo(NIGHT, new Date(NIGHT.getTime() + seconds * 1000));
    assert.deepEqual([0, 59, 190, 7_500, 50_000, 200_000, -90].map(after), [
      "now",
      "59 s ago",
      "3 min ago",
      "2 h 05 min ago",
      "13 h ago",
      "2 d ago",
      "in 1 min",
    ]);
  });

  test("has the sidereal time that astro computes, to 20 ms", () => {
    for (const text of ["2026-01-25T08:08:54Z", "2030-12-31T23:59:59Z", "2020-06-01T00:00:00Z"]) {
      const instant = new Date(text);
      const mjd = mjdFromUnixMs(instant.getTime());
      const turn = localMeanSiderealTime(mjd, terrestrialCenturies(mjd), (OVRO * Math.PI) / 180);
      const hours = (turn * 12) / Math.PI;
      assert.ok(Math.abs(localSiderealHours(instant, OVRO) - hours) * 3600 < 0.02, text);
    }
  });
});
