import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { imagingParamsSchema } from "../imaging/imaging-params.ts";
import { judgeImage, objectionToGains, reasonToSkip } from "./judge.ts";
import { limitsOf, selfCalibrationSchema } from "./limits.ts";

const LIMITS = selfCalibrationSchema.parse({});
const GOOD = { snr: 5, flagged_fraction: 0.5, beam_response: 0.5 };
const STEADY = { solvedFraction: 1, phaseRad: 0.1, amplitude: 0.01 };

describe("self-calibration", () => {
  test("is tried at the limits and skipped beyond each of them", () => {
    assert.equal(reasonToSkip(GOOD, LIMITS), undefined);
    assert.match(reasonToSkip({ ...GOOD, snr: 4.9 }, LIMITS)!, /its peak is 4\.9 times its noise/);
    assert.match(reasonToSkip({ ...GOOD, snr: NaN }, LIMITS)!, /NaN times its noise/);
    assert.match(reasonToSkip({ ...GOOD, flagged_fraction: 0.51 }, LIMITS)!, /51\.0 % of it is fl/);
    assert.match(
      reasonToSkip({ ...GOOD, beam_response: 0.49 }, LIMITS)!,
      /brightest source is 0\.4/,
    );
  });

  test("makes no image of gains that scatter, or that explain the data no better", () => {
    assert.equal(objectionToGains(STEADY, 0.95, LIMITS), undefined);
    assert.deepEqual(objectionToGains({ ...STEADY, phaseRad: 0.53 }, 0.1, LIMITS), {
      verdict: "diverged",
      reason: "phases scatter by 30.4 degrees, expected at most 30",
    });
    const loud = objectionToGains({ ...STEADY, amplitude: 0.31 }, 0.1, LIMITS);
    assert.equal(loud?.verdict, "diverged");
    const same = objectionToGains(STEADY, 0.951, LIMITS);
    assert.deepEqual(same, {
      verdict: "refused",
      reason: "chi-square falls by 4.9 %, expected to fall by at least 5.0 %",
    });
    assert.match(objectionToGains(STEADY, 1.2, LIMITS)!.reason, /^chi-square grows by 20\.0 %/);
  });

  test("keeps an image that is better by 5 %, refuses a like one, ends with a worse one", () => {
    const verdict = (after: number, failure?: string): string =>
      judgeImage({ before: 100, after }, 0.5, LIMITS, failure).verdict;
    assert.deepEqual(
      [105, 104.9, 100, 95.3, 95, NaN].map((after) => verdict(after)),
      ["kept", "refused", "refused", "refused", "diverged", "diverged"],
    );
    assert.equal(verdict(200, "wsclean says that the peak doubled"), "diverged");
  });

  test("is off unless asked for, and then has the telescope's limits", () => {
    const parse = (self_calibration?: unknown) =>
      imagingParamsSchema.parse({ group_id: "2026-01-25T08:08:54", self_calibration });
    assert.equal(limitsOf(parse().self_calibration), null);
    assert.deepEqual(limitsOf(parse(true).self_calibration), LIMITS);
    const given = limitsOf(parse({ phase_intervals_s: [90, 30] }).self_calibration);
    assert.deepEqual(given, { ...LIMITS, phase_intervals_s: [90, 30] });
  });

  test("is refused with limits that make no sense and with a tier that makes no model", () => {
    const refusalOf = (params: object): string =>
      JSON.stringify(
        imagingParamsSchema.safeParse({ group_id: "2026-01-25T08:08:54", ...params }).error?.issues,
      );
    const growing = { self_calibration: { phase_intervals_s: [60, 120] } };
    assert.match(refusalOf(growing), /expected intervals from long to short/);
    assert.match(refusalOf({ self_calibration: { phase_snr: 3 } }), /phase_snr/);
    assert.match(
      refusalOf({ tier: "quicklook", self_calibration: true }),
      /expected false with tier quicklook, whose shallow CLEAN makes no model/,
    );
  });
});
