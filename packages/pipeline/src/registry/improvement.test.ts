import assert from "node:assert/strict";

import { describe, test } from "vitest";

import type { CalibrationDecision, ChosenTable, DecisionKind, Refusal } from "./decision.ts";
import { byUrgency, effectiveAgeHours, improvementOf } from "./improvement.ts";

const GAIN_MIN = 1;

function decision(
  kind: DecisionKind,
  tables: readonly [string, number, ChosenTable["grade"]?][],
  refused: readonly [string, Refusal][] = [],
): CalibrationDecision {
  return {
    kind,
    tables: tables.map(([id, offset_hours, grade = "good"]) => ({
      calibration_id: id,
      table_path: `${id}.bcal`,
      calibrator: "0834+555",
      mid_mjd: 0,
      offset_hours,
      weight: 1 / tables.length,
      grade,
    })),
    age_hours: 1,
    staleness: "fresh",
    reason: "",
    warnings: [],
    refused: refused.map(([calibration_id, refusal]) => ({
      calibration_id,
      table_path: `${calibration_id}.bcal`,
      calibrator: "",
      offset_hours: 0,
      refusal,
      reason: `${calibration_id} is ${refusal}`,
    })),
    target: { mjd: 0, declination_rad: 0 },
  };
}

const reasonOf = (then: CalibrationDecision, now: CalibrationDecision) =>
  improvementOf(then, now, GAIN_MIN)?.reason;

describe("a tile is made again", () => {
  test("when a nearer solution has come", () => {
    const reason = reasonOf(decision("nearest", [["a", -5]]), decision("nearest", [["b", 2]]));
    assert.equal(reason, "nearer solutions: an effective age of 2.0 h in place of 5.0 h");
  });

  test("when one has come on the other side, as far as that is worth it", () => {
    const then = decision("nearest", [["a", -3]]);

    assert.match(
      reasonOf(
        then,
        decision("interpolated", [
          ["a", -3],
          ["b", 3],
        ]),
      ) ?? "",
      /1\.5 h/,
    );
    assert.equal(
      reasonOf(
        decision("nearest", [["a", -0.2]]),
        decision("interpolated", [
          ["a", -0.2],
          ["b", 11],
        ]),
      ),
      undefined,
    );
  });

  test("when it has the last known good or a backup, and the chain has better", () => {
    assert.equal(
      reasonOf(decision("last-known-good", [["a", -20]]), decision("backup", [["b", 19.9]])),
      "backup in place of last-known-good",
    );
    assert.equal(
      reasonOf(decision("backup", [["a", -1]]), decision("nearest", [["b", 3]])),
      "nearest in place of backup",
    );
  });

  test("when a solution without warnings takes the place of one with", () => {
    const then = decision("nearest", [["a", -1, "warn"]]);
    assert.match(reasonOf(then, decision("nearest", [["b", 2]])) ?? "", /without warnings/);
  });

  test("when its table has turned out to be bad, even if the next one is farther", () => {
    const now = decision("nearest", [["b", 9]], [["a", "retired"]]);
    assert.equal(
      reasonOf(decision("nearest", [["a", -1]]), now),
      "it was made with a bad table: a is retired",
    );
  });

  test("when a person has assigned another", () => {
    const now = decision("assigned", [["b", 90]]);
    assert.match(reasonOf(decision("nearest", [["a", -1]]), now) ?? "", /person assigned b\.bcal/);
    assert.equal(reasonOf(now, now), undefined);
  });
});

describe("a tile stays", () => {
  test.each<[string, CalibrationDecision, CalibrationDecision]>([
    [
      "for a gain below the limit",
      decision("nearest", [["a", -3]]),
      decision("nearest", [["b", 2.5]]),
    ],
    ["when nothing is left", decision("nearest", [["a", -3]]), decision("hold", [])],
    [
      "as a person has given the table",
      decision("given", [["a", 0]]),
      decision("nearest", [["b", 0]]),
    ],
    [
      "when all that is left is worse",
      decision("nearest", [["a", -3]]),
      decision("last-known-good", [["b", 30]]),
    ],
    [
      "for nearer ones with warnings",
      decision("nearest", [["a", -9]]),
      decision("nearest", [["b", 1, "warn"]]),
    ],
    [
      "when its table is only out of reach now",
      decision("nearest", [["a", -3]]),
      decision("nearest", [["b", 4]], [["a", "slew"]]),
    ],
  ])("%s", (_why, then, now) => {
    assert.equal(improvementOf(then, now, GAIN_MIN), undefined);
  });
});

test("the effective age between two solutions is that of a Brownian bridge", () => {
  assert.equal(
    effectiveAgeHours(
      decision("interpolated", [
        ["a", -3],
        ["b", 6],
      ]),
    ),
    2,
  );
  assert.equal(effectiveAgeHours(decision("nearest", [["a", -3]])), 3);
});

test("the most urgent come first, then the greatest gain, then the newest tile", () => {
  const tile = (groupId: string, urgency: 0 | 1 | 2 | 3, gainHours: number) => ({
    groupId,
    improvement: { urgency, gainHours, reason: "" },
  });
  const order = [tile("d", 0, 9), tile("b", 3, 0), tile("c", 3, 0), tile("a", 3, 1)].sort(
    byUrgency,
  );
  assert.deepEqual(
    order.map(({ groupId }) => groupId),
    ["a", "c", "b", "d"],
  );
});
