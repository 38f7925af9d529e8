import assert from "node:assert/strict";

import { test } from "vitest";

import type { Finding, Verdict } from "./gate.ts";
import { chooseRoute, type RouteOptions } from "./routes.ts";

const SOLVE = "calibration-solve";
const CONVERT = "convert-uvh5-to-ms";
const SOLVED = { calibrator: "J0834+5534", reference_antenna: "104" };

const NONE: RouteOptions = { gone: new Set(), accepts: () => true };

test("a restless solution is tried with the next reference, calibrator, and other flags", () => {
  const run = { params: { group_id: "g", skip_references: ["103"] }, result: SOLVED };
  const findings = [finding("phase_scatter_deg")];

  const first = chooseRoute(SOLVE, findings, run, NONE);
  const second = chooseRoute(SOLVE, findings, run, gone("next-reference"));
  const third = chooseRoute(SOLVE, findings, run, gone("next-reference", "next-calibrator"));
  const all = gone("next-reference", "next-calibrator", "flag-thorough");

  assert.deepEqual(first, {
    name: "next-reference",
    before: [],
    params: { group_id: "g", skip_references: ["103", "104"] },
  });
  assert.deepEqual(second?.params["skip_calibrators"], ["J0834+5534"]);
  assert.deepEqual(third, { name: "flag-thorough", before: ["flag-thorough"], params: run.params });
  assert.equal(chooseRoute(SOLVE, findings, run, all), undefined);
});

test("an image that interference spoils is made again from a thoroughly flagged set", () => {
  const run = { params: { group_id: "g", tier: "deep" }, result: {} };
  const findings = [finding("dynamic_range", "hold")];

  assert.deepEqual(chooseRoute("imaging", findings, run, NONE), {
    name: "flag-thorough",
    before: ["flag-thorough", "calibration-apply"],
    params: run.params,
  });
  const given = { ...run, params: { ...run.params, measurement_set_path: "/data/g.cal.ms" } };
  assert.equal(chooseRoute("imaging", findings, given, NONE), undefined);
});

test("noise is no fault of the reference", () => {
  const run = { params: {}, result: SOLVED };

  assert.equal(chooseRoute(SOLVE, [finding("median_snr")], run, NONE)?.name, "next-calibrator");
});

test("a calibrator that was asked for is not exchanged", () => {
  const run = { params: { calibrator: "3C286" }, result: SOLVED };

  assert.equal(chooseRoute(SOLVE, [finding("median_snr")], run, NONE)?.name, "flag-thorough");
  assert.equal(chooseRoute(SOLVE, [finding("usable_count")], run, NONE), undefined);
});

test("no way is tried that leaves another finding standing, but warnings do not count", () => {
  const run = { params: {}, result: SOLVED };
  const both = [finding("median_snr"), finding("remark")];

  assert.equal(chooseRoute(SOLVE, both, run, NONE), undefined);
  const warned = [finding("median_snr"), finding("remark", "warn")];
  assert.equal(chooseRoute(SOLVE, warned, run, NONE)?.name, "next-calibrator");
  assert.equal(chooseRoute(SOLVE, [finding("median_snr", "warn")], run, NONE), undefined);
  assert.equal(chooseRoute("imaging", [finding("median_snr")], run, NONE), undefined);
});

test("a way whose params the stage does not take is passed over", () => {
  const run = { params: {}, result: SOLVED };
  const accepts = (params: unknown) => !JSON.stringify(params).includes("skip_references");

  const route = chooseRoute(SOLVE, [finding("phase_scatter_deg")], run, { ...NONE, accepts });

  assert.equal(route?.name, "next-calibrator");
});

test("a subband that is nearly all flagged is left out, the others stay", () => {
  const paths = ["00", "01", "02"].map((code) => `/data/2026-01-25T22:26:05_sb${code}.hdf5`);
  const result = { input_paths: paths, problem_subbands: ["sb01"] };
  const run = { params: { group_id: "g", expected_subbands: 3 }, result };

  const route = chooseRoute(CONVERT, [finding("problem_subband_count", "hold")], run, NONE);

  assert.deepEqual(route?.params, {
    group_id: "g",
    expected_subbands: 3,
    input_paths: [paths[0], paths[2]],
    missing_subbands: "flag",
  });
});

test("a run in which every subband is bad leaves nothing to convert", () => {
  const result = {
    input_paths: ["/data/2026-01-25T22:26:05_sb01.hdf5"],
    problem_subbands: ["sb01"],
  };
  const findings = [finding("problem_subband_count", "hold")];

  assert.equal(chooseRoute(CONVERT, findings, { params: {}, result }, NONE), undefined);
});

function finding(quantity: string, verdict: Exclude<Verdict, "pass"> = "reject"): Finding {
  return { verdict, quantity, kind: "limit", value: 1, limit: 0, unit: "", text: quantity };
}

function gone(...routes: string[]): RouteOptions {
  return { ...NONE, gone: new Set(routes) };
}
