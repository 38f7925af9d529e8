import assert from "node:assert/strict";

import fc from "fast-check";
import { describe, test } from "vitest";

import { decide } from "./decide.ts";
import { decisionSchema, type CalibrationDecision } from "./decision.ts";
import { CALIBRATION_POLICY } from "./policy.ts";
import type { Candidate, Target } from "./refuse.ts";

const DEC_RAD = 0.97;
const T = 61_000;
const TARGET: Target = { mjd: T, declinationRad: DEC_RAD, pointings: [] };

/** A good one, so many hours from the tile. */
function at(hours: number, changes: Partial<Candidate> = {}): Candidate {
  const midMjd = T + hours / 24;
  const name = changes.calibrationId ?? `table${hours}`;
  return {
    calibrationId: name,
    tablePath: `caltables/${name}.bcal`,
    solve: name,
    calibrator: "0834+555",
    rank: 0,
    midMjd,
    startMjd: midMjd - 0.5,
    endMjd: midMjd + 0.5,
    declinationRad: DEC_RAD,
    status: "active",
    statusReason: null,
    grade: "good",
    channelCount: 768,
    medianAmplitude: 0.24,
    createdUnixMs: 0,
    ...changes,
  };
}

function partition<Item>(all: readonly Item[], isFirst: (item: Item) => boolean): [Item[], Item[]] {
  return [all.filter(isFirst), all.filter((item) => !isFirst(item))];
}

/** By more than a quarter. */
function isFar(a: number, b: number): boolean {
  return Math.max(a / b, b / a) > 1.25;
}

function choose(candidates: readonly Candidate[], changes: Partial<Target> = {}) {
  return decide(candidates, { ...TARGET, ...changes }, CALIBRATION_POLICY);
}

/** Table ids with their weights in hundredths. */
function taken({ tables }: CalibrationDecision): [string | null, number][] {
  return tables.map(({ calibration_id, weight }) => [calibration_id, Math.round(100 * weight)]);
}

describe("the calibration of a tile", () => {
  test("is interpolated between the nearest before and after it, weighted by time", () => {
    const decision = choose([at(-9), at(-3), at(1), at(5)]);

    assert.equal(decision.kind, "interpolated");
    assert.deepEqual(taken(decision), [
      ["table1", 75],
      ["table-3", 25],
    ]);
    assert.ok(Math.abs(decision.age_hours! - 1) < 1e-6);
    assert.deepEqual([decision.warnings, decision.refused], [[], []]);
    assert.match(decision.reason, /^interpolated between .*table1.* 1\.0 h after \(weight 0\.75\)/);
  });

  test("may lie after the tile alone: data before the first solve are calibrated, too", () => {
    const decision = choose([at(4)]);

    assert.equal(decision.kind, "nearest");
    assert.deepEqual(taken(decision), [["table4", 100]]);
  });

  test("is the nearest of those that overlap, not the newest", () => {
    const older = at(-1, { createdUnixMs: 0 });
    const newer = at(-5, { createdUnixMs: 86_400_000 });

    assert.deepEqual(taken(choose([newer, older])), [["table-1", 100]]);
  });

  test("is the one of its own time when there is one", () => {
    assert.deepEqual(taken(choose([at(-3), at(0), at(3)])), [["table0", 100]]);
  });

  test("is not interpolated between tables of different channels", () => {
    const decision = choose([at(-3), at(1, { channelCount: 384 })]);

    assert.equal(decision.kind, "nearest");
    assert.match(decision.reason, /other channels$/);
  });

  test("is the good one when a nearer one has warnings, unless that is much nearer", () => {
    const warned = { calibrationId: "warned", solve: "warned", grade: "warn" } as const;

    assert.deepEqual(taken(choose([at(-2, warned), at(-3)])), [["table-3", 100]]);
    const much = choose([at(-0.5, warned), at(-3)]);
    assert.deepEqual(taken(much), [["warned", 100]]);
    assert.match(much.warnings[0]!, /was registered with warnings$/);
  });

  test("warns when it is older than six hours", () => {
    assert.deepEqual(choose([at(-5.9)]).warnings, []);
    const aging = choose([at(-7)]);
    assert.match(aging.warnings[0]!, /7\.0 h from the tile, expected at most 6 h/);
    assert.equal(aging.staleness, "aging");
  });
});

describe("the fallback chain", () => {
  test("takes the backup calibrator of a solve whose first one failed, and says so", () => {
    const failed = at(-1, { status: "failed", statusReason: "phases scatter by 80°" });
    const backup = at(-1, {
      calibrationId: "b",
      solve: "table-1",
      rank: 1,
      calibrator: "0745+317",
    });

    const decision = choose([backup, failed]);

    assert.equal(decision.kind, "backup");
    assert.deepEqual(taken(decision), [["b", 100]]);
    assert.match(decision.warnings[0]!, /backup calibrator 0745\+317: .* failed: phases scatter/);
    assert.deepEqual(
      decision.refused.map(({ calibration_id, refusal }) => [calibration_id, refusal]),
      [["table-1", "failed"]],
    );
  });

  test("prefers a solve's first calibrator while it may be used", () => {
    const backup = at(-1, { calibrationId: "b", solve: "table-1", rank: 1, createdUnixMs: 9 });

    assert.deepEqual(taken(choose([backup, at(-1)])), [["table-1", 100]]);
  });

  test("interpolates with a backup on one side", () => {
    const backup = at(1, { calibrationId: "b", rank: 1 });

    const decision = choose([backup, at(-1)]);
    assert.equal(decision.kind, "backup");
    assert.equal(decision.tables.length, 2);
  });

  test("takes the last known good one up to 48 h, with a warning on the product", () => {
    const decision = choose([at(-47), at(-49)]);

    assert.equal(decision.kind, "last-known-good");
    assert.deepEqual(taken(decision), [["table-47", 100]]);
    assert.match(decision.warnings[0]!, /last known good one within 48 h; .* 47\.0 h away, valid/);
    assert.equal(decision.staleness, "critical");
    assert.deepEqual(
      decision.refused.map(({ refusal }) => refusal),
      ["expired"],
    );
  });

  test("holds the tile when all are older, and says how old the nearest is", () => {
    const decision = choose([at(-49)]);

    assert.equal(decision.kind, "hold");
    assert.deepEqual(decision.tables, []);
    assert.match(decision.reason, /at declination 55\.58°: the nearest is 49\.0 h away$/);
  });

  test.each<[string, Partial<Candidate>, RegExp]>([
    ["retired", { status: "retired", statusReason: "by ana: bad weather" }, /ana: bad weather/],
    ["failed", { status: "failed" }, /no reason is on record/],
    ["graded-fail", { grade: "fail" }, /failed its quality gate/],
    ["unreadable", { problem: "it does not exist" }, /cannot be used: it does not exist/],
    ["declination", { declinationRad: DEC_RAD - 0.1 }, /5\.73° away in declination, .* 2\.5°/],
    ["declination", { declinationRad: Number.NaN }, /NaN° away/],
  ])("holds the tile rather than use one that is refused as %s", (refusal, changes, reason) => {
    const decision = choose([at(-1, changes)]);

    assert.equal(decision.kind, "hold");
    assert.equal(decision.refused[0]?.refusal, refusal);
    assert.match(decision.refused[0].reason, reason);
  });

  test("is not one with warnings whose amplitudes the receivers cannot have", () => {
    const dead = at(-0.1, { grade: "warn", medianAmplitude: 0.144 });
    const decision = choose([at(-2), dead]);

    assert.deepEqual(taken(decision), [["table-2", 100]]);
    assert.deepEqual(
      decision.refused.map(({ refusal, reason }) => [refusal, reason]),
      [
        [
          "implausible",
          "caltables/table-0.1.bcal was registered with warnings, and its amplitudes are 0.60 " +
            "times those of caltables/table-2.bcal, expected within 25 %",
        ],
      ],
    );
    // With none to compare it with, or within reason, it stands; a person may still take it.
    assert.deepEqual(taken(choose([dead])), [["table-0.1", 100]]);
    assert.deepEqual(taken(choose([at(-9), { ...dead, medianAmplitude: 0.2 }])), [
      ["table-0.1", 100],
    ]);
    const assigned = choose([at(-2), dead], { assignedId: "table-0.1" });
    assert.deepEqual([assigned.kind, taken(assigned)], ["assigned", [["table-0.1", 100]]]);
    assert.match(assigned.warnings.join(), /by a person although .* 0\.60 times/);
  });

  test("holds the tile when the registry has none, in words", () => {
    assert.match(
      choose([]).reason,
      /^no calibration for MJD 61000\.00000 .*: the registry has none/,
    );
  });
});

describe("a slew", () => {
  const away = { mjd: T - 1 / 24, declinationRad: DEC_RAD + 0.2 };

  test("ends validity, even when the telescope came back", () => {
    const decision = choose([at(-2), at(4)], { pointings: [away] });

    assert.deepEqual(taken(decision), [["table4", 100]]);
    assert.equal(decision.refused[0]?.refusal, "slew");
    assert.match(decision.refused[0].reason, /at MJD 60999\.95833 .* pointed to declination 67\.0/);
  });

  test("leaves a last known good one, with a warning", () => {
    const decision = choose([at(-2)], { pointings: [away] });

    assert.equal(decision.kind, "last-known-good");
    assert.match(decision.warnings[0]!, /beyond a slew/);
  });

  test("is no change of pointing within the tolerance, nor one outside of the interval", () => {
    const pointings = [
      { mjd: T - 1 / 24, declinationRad: DEC_RAD + 0.04 },
      { mjd: T - 3 / 24, declinationRad: DEC_RAD + 1 },
      { mjd: T + 1 / 24, declinationRad: DEC_RAD + 1 },
    ];
    assert.deepEqual(taken(choose([at(-2)], { pointings })), [["table-2", 100]]);
  });
});

describe("a person's choice", () => {
  test("wins over what is nearer, also when it is out of reach", () => {
    const decision = choose([at(-1), at(-60)], { assignedId: "table-60" });

    assert.equal(decision.kind, "assigned");
    assert.match(decision.warnings[0]!, /assigned by a person although .* 60\.0 h away/);
  });

  test("of a bad table is not followed, and that is said", () => {
    const decision = choose([at(-1), at(-2, { status: "failed" })], { assignedId: "table-2" });

    assert.deepEqual(taken(decision), [["table-1", 100]]);
    assert.match(decision.warnings[0]!, /table-2 that a person assigned is not used: .* failed/);
  });
});

describe("of any candidates", () => {
  const candidates = fc
    .array(
      fc.record({
        hours: fc.integer({ min: -70, max: 70 }),
        solve: fc.constantFrom("a", "b", "c", "d"),
        rank: fc.integer({ min: 0, max: 2 }),
        declinationRad: fc.constantFrom(DEC_RAD, DEC_RAD + 0.02, DEC_RAD + 0.2),
        status: fc.constantFrom(
          "active" as const,
          "active" as const,
          "retired" as const,
          "failed" as const,
        ),
        grade: fc.constantFrom("good" as const, "warn" as const, "fail" as const, null),
        problem: fc.constantFrom(undefined, undefined, "it does not open"),
        medianAmplitude: fc.constantFrom(0.24, 0.2, 0.1, null),
        createdUnixMs: fc.integer({ min: 0, max: 3 }),
      }),
      { maxLength: 12 },
    )
    .map((all) =>
      // A solve has one time.
      all.map(({ hours: _own, ...rest }, index) => {
        const first = all.find(({ solve }) => solve === rest.solve)!;
        return at(first.hours, { ...rest, calibrationId: `c${index}` });
      }),
    );
  const pointings = fc.array(
    fc.record({
      mjd: fc.integer({ min: -70, max: 70 }).map((hours) => T + hours / 24 + 0.001),
      declinationRad: fc.constantFrom(DEC_RAD, DEC_RAD + 0.2),
    }),
    { maxLength: 2 },
  );

  test("none that is bad, elsewhere or too old is ever used, and weights sum to 1", () => {
    fc.assert(
      fc.property(candidates, pointings, (all, around) => {
        const decision = decisionSchema.parse(choose(all, { pointings: around }));
        const byId = new Map(all.map((one) => [one.calibrationId, one]));
        for (const { calibration_id, offset_hours } of decision.tables) {
          const one = byId.get(calibration_id ?? "")!;
          assert.equal(one.status, "active");
          assert.ok(one.grade !== "fail" && one.problem === undefined);
          assert.ok(Math.abs(one.declinationRad - DEC_RAD) < 0.05);
          const limit = decision.kind === "last-known-good" ? 48 : 12;
          assert.ok(Math.abs(offset_hours!) <= limit + 1e-9);
        }
        if (decision.kind === "last-known-good") assert.ok(decision.warnings.length > 0);
        const sum = decision.tables.reduce((total, { weight }) => total + weight, 0);
        assert.ok(decision.tables.every(({ weight }) => weight > 0));
        assert.ok(Math.abs(sum - (decision.kind === "hold" ? 0 : 1)) < 1e-12);
        assert.equal(decision.kind === "hold", decision.tables.length === 0);
      }),
    );
  });

  test("none is held while one may be used, and each that may not has its reason", () => {
    fc.assert(
      fc.property(candidates, (all) => {
        const decision = choose(all);
        const sound = all.filter(
          (one) =>
            one.status === "active" &&
            one.grade !== "fail" &&
            one.problem === undefined &&
            Math.abs(one.declinationRad - DEC_RAD) < 0.05 &&
            Math.abs(one.midMjd - T) * 24 <= 48,
        );
        assert.equal(decision.kind === "hold", sound.length === 0);
        const usable = sound.filter((one) => Math.abs(one.midMjd - T) <= 0.5);
        const isLast = decision.kind === "last-known-good";
        assert.equal(isLast, usable.length === 0 && sound.length > 0);
        const [odd, others] = partition(decision.refused, (one) => one.refusal === "implausible");
        assert.equal(others.length, all.length - usable.length - (isLast ? 1 : 0));
        const good = usable.filter((one) => one.grade === "good" && one.medianAmplitude !== null);
        for (const { calibration_id } of odd) {
          const { grade, medianAmplitude } = all.find(
            (one) => one.calibrationId === calibration_id,
          )!;
          assert.equal(grade, "warn");
          assert.ok(good.some((one) => isFar(one.medianAmplitude!, medianAmplitude!)));
        }
        for (const one of usable.filter(({ grade }) => grade === "warn")) {
          const isOdd = odd.some(({ calibration_id }) => calibration_id === one.calibrationId);
          const { medianAmplitude: own } = one;
          const isFarFromAll =
            own !== null && good.every((each) => isFar(each.medianAmplitude!, own));
          if (good.length > 0 && isFarFromAll) assert.ok(isOdd);
        }
      }),
    );
  });

  test("their order makes no difference", () => {
    fc.assert(
      fc.property(
        candidates.chain((all) =>
          fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
        ),
        ([all, shuffled]) => {
          assert.deepEqual(choose(shuffled), choose(all));
        },
      ),
    );
  });

  test("past and future are treated alike", () => {
    fc.assert(
      fc.property(candidates, pointings, (all, around) => {
        const mirror = (mjd: number) => 2 * T - mjd;
        const mirrored = all.map((one) => ({
          ...one,
          midMjd: mirror(one.midMjd),
          startMjd: mirror(one.endMjd),
          endMjd: mirror(one.startMjd),
        }));
        const there = choose(all, { pointings: around });
        const back = choose(mirrored, {
          pointings: around.map((one) => ({ ...one, mjd: mirror(one.mjd) })),
        });
        assert.equal(back.kind, there.kind);
        assert.deepEqual(taken(back), taken(there));
      }),
    );
  });
});
