import assert from "node:assert/strict";

import fc from "fast-check";
import { describe, test } from "vitest";
import { z } from "zod";

import { STAGES } from "../stages.ts";
import { formatNumber, judge, type Verdict, VERDICTS, worstOf } from "./gate.ts";
import { measured } from "./measured.ts";
import { parseThresholds, type Rule, THRESHOLDS } from "./thresholds.ts";

interface LimitCase {
  readonly stage: string;
  readonly quantity: string;
  readonly side: "at_least" | "at_most";
  readonly level: Exclude<Verdict, "pass">;
  readonly limit: number;
}

const ALL_RULES: readonly [stage: string, quantity: string, rule: Rule][] = Object.entries(
  THRESHOLDS.stages,
).flatMap(([stage, rules]) =>
  Object.entries(rules).map(([quantity, rule]): [string, string, Rule] => [stage, quantity, rule]),
);

const LIMITS: readonly LimitCase[] = ALL_RULES.flatMap(([stage, quantity, rule]) =>
  (["at_least", "at_most"] as const).flatMap((side) =>
    (["warn", "hold", "reject"] as const).flatMap((level) => {
      const limit = rule[side]?.[level];
      return typeof limit === "number" ? [{ stage, quantity, side, level, limit }] : [];
    }),
  ),
);

test("every stage has a gate", () => {
  for (const { stage } of STAGES) {
    assert.ok(Object.keys(THRESHOLDS.stages[stage.name] ?? {}).length > 0, stage.name);
  }
});

describe("a limit of the telescope", () => {
  test.each(LIMITS)("$stage $quantity $side $limit: $level", (one) => {
    const step = Math.max(1e-9, Math.abs(one.limit) * 1e-6) * (one.side === "at_most" ? 1 : -1);

    assert.ok(severity(one, one.limit + step) >= VERDICTS.indexOf(one.level), "beyond it");
    assert.ok(severity(one, one.limit) < VERDICTS.indexOf(one.level), "at it");
    assert.ok(severity(one, one.limit - step) < VERDICTS.indexOf(one.level), "within it");
  });

  test("is told with quantity, value, limit and unit", () => {
    const { findings, verdict } = judgeOne("imaging", "beam_major_arcsec", 130.04);

    assert.equal(verdict, "hold");
    assert.deepEqual(findings, [
      {
        ...{ verdict: "hold", quantity: "beam_major_arcsec", kind: "limit", unit: "arcsec" },
        ...{ value: 130.04, limit: 120 },
        text: "major axis of the beam is 130 arcsec, expected at most 120",
      },
    ]);
  });
});

test.each(ALL_RULES)("%s without %s is what its rule says of absence", (stage, quantity, rule) => {
  assert.equal(judgeOne(stage, quantity, undefined).verdict, rule.absent);
  assert.equal(judgeOne(stage, quantity, NaN).verdict, rule.absent);
});

test("what is no number is left out of what a stage measured", () => {
  const quality = measured({ a: 1, b: NaN, c: null, d: Infinity, e: undefined });

  assert.deepEqual(quality.metrics, { a: 1 });
});

test("the worst finding is the verdict and comes first", () => {
  const good = { ...passing("imaging"), noise_ratio: 40, dynamic_range: 4 };

  const { verdict, findings } = judge("imaging", good, THRESHOLDS);

  assert.equal(verdict, "hold");
  assert.deepEqual(
    findings.map(({ quantity }) => quantity),
    ["dynamic_range", "noise_ratio"],
  );
});

test("a verdict never gets better by a worse value", () => {
  fc.assert(
    fc.property(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      (a, b) => {
        const [low, high] = a < b ? [a, b] : [b, a];
        const one = { stage: "calibration-solve", quantity: "median_snr" };
        assert.ok(severity(one, low) >= severity(one, high));
      },
    ),
  );
});

test("worst of none is pass", () => {
  assert.equal(worstOf([]), "pass");
  assert.equal(worstOf(["warn", "reject", "pass", "hold"]), "reject");
});

test("numbers have four figures", () => {
  assert.equal(formatNumber(0.0123456), "0.01235");
  assert.equal(formatNumber(12), "12");
});

describe("thresholds of a file", () => {
  test("change what they name and nothing else", () => {
    const changed = parseThresholds({
      stages: { imaging: { noise_ratio: { at_most: { warn: 10, hold: 50 } } } },
      history: { z_score: 8 },
    });

    const imaging = changed.stages["imaging"] ?? {};
    assert.deepEqual(imaging["noise_ratio"]?.at_most, { warn: 10, hold: 50 });
    assert.equal(imaging["noise_ratio"].absent, "warn");
    assert.deepEqual(changed.stages["validation"], THRESHOLDS.stages["validation"]);
    assert.deepEqual(changed.history, { ...THRESHOLDS.history, z_score: 8 });
    assert.deepEqual(parseThresholds({}), THRESHOLDS);
  });

  test("take a level away with null", () => {
    const file = {
      stages: { "calibration-solve": { median_snr: { at_least: { reject: null } } } },
    };

    const gate = judge(
      "calibration-solve",
      { ...passing("calibration-solve"), median_snr: 1 },
      parseThresholds(file),
    );

    assert.equal(gate.verdict, "warn");
  });

  test.each([
    [{ stages: { imagin: {} } }, /Unrecognized key.*imagin/],
    [{ stages: { imaging: { noise: {} } } }, /stages.*imaging|Unrecognized key.*noise/],
    [{ stages: { imaging: { noise_ratio: { at_most: { fail: 3 } } } } }, /fail/],
    [{ stages: { imaging: { noise_ratio: { at_most: { warn: "3" } } } } }, /number/],
    [{ stages: { imaging: { dynamic_range: { at_least: { warn: 4 } } } } }, /warn before hold/],
    [{ stages: { imaging: { noise_ratio: { at_most: { hold: 4 } } } } }, /warn before hold/],
    [{ history: { count_min: 200 } }, /at most count_max, which is 100/],
    [{ limits: {} }, /limits/],
    [[], /object/],
  ])("%j are refused", (file, message) => {
    assert.throws(
      () => parseThresholds(file),
      (error: unknown) => {
        assert.ok(error instanceof z.ZodError);
        assert.match(error.message, message);
        return true;
      },
    );
  });
});

function severity({ stage, quantity }: Pick<LimitCase, "stage" | "quantity">, value: number) {
  return VERDICTS.indexOf(judgeOne(stage, quantity, value).verdict);
}

/** The gate's word on one quantity, all others being well. */
function judgeOne(stage: string, quantity: string, value: number | undefined) {
  // What is no number counts as absent.
  const metrics = { ...passing(stage), [quantity]: value ?? NaN };
  return judge(stage, measured(metrics).metrics, THRESHOLDS);
}

/** A value within all limits of each quantity. */
function passing(stage: string): Record<string, number> {
  const rules = Object.entries(THRESHOLDS.stages[stage]!);
  return Object.fromEntries(rules.map(([quantity, rule]) => [quantity, within(rule)]));
}

function within({ at_least: low, at_most: high }: Rule): number {
  const least = low?.warn ?? low?.hold ?? low?.reject;
  const most = high?.warn ?? high?.hold ?? high?.reject;
  if (typeof least === "number" && typeof most === "number") return (least + most) / 2;
  return typeof least === "number" ? least : most!;
}
