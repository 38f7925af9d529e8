import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { judgeSolution, solutionLimitsSchema, type SolutionMetrics } from "./solution-verdict.ts";

const GOOD: SolutionMetrics = {
  ...{ median_snr: 40, flagged_fraction: 0.05, active_count: 96, rejected_count: 3 },
  ...{ usable_count: 93, median_amplitude: 0.24 },
  ...{ phase_scatter_deg: 3, amplitude_scatter: 0.2, unconverged_fraction: 0 },
  ...{ mean_iterations: 6, used_fraction: 0.98, delay_median_ns: 4, delay_scatter_ns: 6 },
  time_phase_rms_deg: 1,
};

describe("the verdict on a solution", () => {
  test("is good without a finding when all is within the limits", () => {
    const { grade, findings, metrics } = judgeSolution(GOOD, "tile.ms");

    assert.equal(grade, "good");
    assert.deepEqual(findings, []);
    assert.deepEqual(metrics, GOOD);
  });

  test.each([
    [
      { flagged_fraction: 0.25 },
      "flagged fraction of active antennas is 0.25, expected at most 0.2",
    ],
    [{ phase_scatter_deg: 20 }, "phase scatter in degrees is 20.00, expected at most 15"],
    [{ amplitude_scatter: 0.6 }, "amplitude scatter is 0.60, expected at most 0.5"],
    [{ unconverged_fraction: 0.1 }, "unconverged fraction is 0.10, expected at most 0.02"],
    [{ delay_median_ns: 1200 }, "median delay in ns is 1200.00, expected at most 1000"],
    [{ delay_scatter_ns: 150 }, "scatter of delays in ns is 150.00, expected at most 100"],
    [{ median_snr: 8 }, "median signal-to-noise ratio is 8.0, expected at least 10"],
    [
      { time_phase_rms_deg: 17 },
      "phase movement within the observation in degrees is 17.00, expected at most 15",
    ],
  ])("warns in a sentence of %j", (change, finding) => {
    const { grade, findings } = judgeSolution({ ...GOOD, ...change }, "tile.ms");

    assert.equal(grade, "warn");
    assert.deepEqual(findings, [finding]);
  });

  test.each([
    [{ flagged_fraction: 0.31 }, /tile\.ms: gains have flagged fraction 0\.31, .* at most 0\.3$/],
    [{ median_snr: 4.9 }, /tile\.ms: gains have median signal-to-noise ratio 4\.9, .* least 5$/],
    [{ median_snr: Number.NaN }, /ratio NaN, expected at least 5$/],
    [{ phase_scatter_deg: 31 }, /tile\.ms: gains have phase scatter 31\.00, .* at most 30$/],
    [{ phase_scatter_deg: Number.NaN }, /phase scatter NaN, expected at most 30$/],
    [
      { active_count: 12, usable_count: 9 },
      /tile\.ms: 9 of 12 antennas have gains, expected at least 10$/,
    ],
  ])("refuses %j", (change, message) => {
    assert.throws(() => judgeSolution({ ...GOOD, ...change }, "tile.ms"), {
      tag: "SolutionTooNoisy",
      message,
    });
  });

  test("goes by the limits it is given", () => {
    const limits = solutionLimitsSchema.parse({
      flagged_fraction_max: 0.6,
      phase_scatter_warn_deg: 1,
    });

    const { findings } = judgeSolution({ ...GOOD, flagged_fraction: 0.5 }, "tile.ms", limits);

    assert.equal(findings.length, 2);
  });
});
