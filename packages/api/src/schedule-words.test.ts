import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { scheduleWords } from "./schedule-words.ts";

const CRON: readonly (readonly [string, string])[] = [
  ["* * * * *", "every minute"],
  ["*/1 * * * *", "every minute"],
  ["*/5 * * * *", "every 5 minutes"],
  ["0/15 * * * *", "every 15 minutes"],
  ["*/5 * * * 1-5", "every 5 minutes on weekdays (UTC)"],
  ["*/10 9-17 * * *", "every 10 minutes from 09:00 to 17:59 (UTC)"],
  ["* 3 * * *", "every minute from 03:00 to 03:59 (UTC)"],
  ["*/7 * * * *", "*/7 * * * * (UTC)"],
  ["0 * * * *", "every hour"],
  ["@hourly", "every hour"],
  ["15 * * * *", "every hour at minute 15"],
  ["0,30 * * * *", "every hour at minutes 0 and 30"],
  ["5 * * * * *", "every minute at second 5"],
  ["*/10 * * * * *", "every 10 seconds"],
  ["* * * * * *", "every second"],
  ["0 */6 * * *", "every 6 hours (UTC)"],
  ["30 */6 * * *", "every 6 hours at minute 30 (UTC)"],
  ["0 */5 * * *", "every day at 00:00, 05:00, 10:00, 15:00 and 20:00 (UTC)"],
  ["0 */7 * * 1", "Mondays at 00:00, 07:00, 14:00 and 21:00 (UTC)"],
  ["15 8-18 * * *", "every hour from 08:15 to 18:15 (UTC)"],
  ["0 3 * * *", "every day at 03:00 (UTC)"],
  ["@daily", "every day at 00:00 (UTC)"],
  ["@midnight", "every day at 00:00 (UTC)"],
  ["0 3 ? * ?", "every day at 03:00 (UTC)"],
  ["30 0 3 * * *", "every day at 03:00:30 (UTC)"],
  ["0 3,9,15 * * *", "every day at 03:00, 09:00 and 15:00 (UTC)"],
  ["0 3 * * 1-5", "weekdays at 03:00 (UTC)"],
  ["0 3 * * MON-FRI", "weekdays at 03:00 (UTC)"],
  ["0 3 * * 1,2,3,4,5", "weekdays at 03:00 (UTC)"],
  ["0 3 * * 0,6", "weekends at 03:00 (UTC)"],
  ["0 3 * * 6-7", "weekends at 03:00 (UTC)"],
  ["0 3 * * sat,sun", "weekends at 03:00 (UTC)"],
  ["0 3 * * 7", "Sundays at 03:00 (UTC)"],
  ["@weekly", "Sundays at 00:00 (UTC)"],
  ["0 3 * * 1,4", "Mondays and Thursdays at 03:00 (UTC)"],
  ["0 3 * * 0,1", "Mondays and Sundays at 03:00 (UTC)"],
  ["0 3 * * 2-4", "Tuesday to Thursday at 03:00 (UTC)"],
  ["0 3 * * 0-6", "every day at 03:00 (UTC)"],
  ["0 3 * * 1-7", "every day at 03:00 (UTC)"],
  ["0 3 * * 1#2", "the second Monday of the month at 03:00 (UTC)"],
  ["0 3 * * 5L", "the last Friday of the month at 03:00 (UTC)"],
  ["0 3 1 * *", "the 1st of the month at 03:00 (UTC)"],
  ["@monthly", "the 1st of the month at 00:00 (UTC)"],
  ["0 3 1,15 * *", "the 1st and 15th of the month at 03:00 (UTC)"],
  ["0 3 11,12,13,22,23 * *", "the 11th, 12th, 13th, 22nd and 23rd of the month at 03:00 (UTC)"],
  ["0 3 1-7 * *", "the 1st to the 7th of the month at 03:00 (UTC)"],
  ["0 3 L * *", "the last day of the month at 03:00 (UTC)"],
  ["0 3 1 1 *", "every year on January 1 at 03:00 (UTC)"],
  ["@yearly", "every year on January 1 at 00:00 (UTC)"],
  ["0 3 * JUN-AUG *", "every day from June to August at 03:00 (UTC)"],
  ["0 3 * 1,7 1-5", "weekdays in January and July at 03:00 (UTC)"],
  ["*/5 * * 2 *", "every 5 minutes in February (UTC)"],
  // No short words that are true: as it is.
  ["0 3 1 * 1", "0 3 1 * 1 (UTC)"],
  ["0 3 15W * *", "0 3 15W * * (UTC)"],
  ["*/5 1,3,5 * * *", "*/5 1,3,5 * * * (UTC)"],
  ["1,2,3,4 1,2,3,4 * * *", "1,2,3,4 1,2,3,4 * * * (UTC)"],
  ["not a cron", "not a cron (UTC)"],
];

describe("cron in words", () => {
  for (const [cron, words] of CRON) {
    test(`${cron} is "${words}"`, () => {
      assert.equal(scheduleWords({ cron }), words);
    });
  }

  test("the zone is named where it matters", () => {
    const timeZone = "America/Los_Angeles";
    assert.equal(
      scheduleWords({ cron: "0 9 * * *", timeZone }),
      "every day at 09:00 (America/Los_Angeles)",
    );
    assert.equal(scheduleWords({ cron: "*/5 * * * *", timeZone }), "every 5 minutes");
  });
});

describe("intervals in words", () => {
  const INTERVALS: readonly (readonly [number, string])[] = [
    [0.5, "every 0.5 seconds"],
    [1, "every second"],
    [30, "every 30 seconds"],
    [60, "every minute"],
    [90, "every 90 seconds"],
    [300, "every 5 minutes"],
    [3_600, "every hour"],
    [5_400, "every 90 minutes"],
    [86_400, "every day"],
    [604_800, "every week"],
    [1_209_600, "every 2 weeks"],
  ];
  for (const [everySeconds, words] of INTERVALS) {
    test(`${everySeconds} s is "${words}"`, () => {
      assert.equal(scheduleWords({ everySeconds, anchor: new Date(0) }), words);
    });
  }

  test("an anchor is named", () => {
    assert.equal(
      scheduleWords({ everySeconds: 86_164, anchor: new Date("2026-01-25T08:08:54Z") }),
      "every 86164 seconds, counted from 2026-01-25 08:08:54 UTC",
    );
  });
});

test("a timing that cannot be read says so", () => {
  assert.equal(scheduleWords(null), "a timing that cannot be read");
});
