import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { planNight } from "./night.ts";
import { type Evidence, judgeNight, type TileOutcome } from "./verdict.ts";

const { tiles } = planNight({ tileCount: 4, size: "small", seed: 1, withFaults: true });
const GOOD: Evidence = {
  outcomes: tiles.map((tile): TileOutcome => ({
    ...{ tile, fate: tile.expected, why: tile.expected === "imaged" ? null : "half is missing" },
    ...{ endedAt: null, failures: [], revision: 0, latencySeconds: null },
  })),
  ...{ lostFiles: [], duplicates: [], auditFindings: [], disturbed: [], attempts: new Map() },
  truth: {
    ...{ medianFluxRatio: 1.004, fluxRatioStd: 0.05, fluxPullStd: 1.1 },
    ...{ medianOffsetArcsec: 0.4, rmsOffsetArcsec: 0.2, offsetPull: 1.2 },
    ...{ found: 30, injectedAbove8Sigma: 30, foundFaint: 3, injectedFaint: 6 },
    ...{ falseDetections: 4, falseDetectionsMax: 2, tileCount: 3 },
  },
  hasOwnImaging: false,
};

describe("a night's verdict", () => {
  test("finds nothing wrong with a good one", () => {
    assert.deepEqual(judgeNight(GOOD), { lost: 0, duplicates: 0, auditFindings: 0, problems: [] });
  });

  test.each<[string, Partial<Evidence>, RegExp]>([
    [
      "a tile that never ended",
      withFirst({ fate: "open", why: "imaging pending" }),
      /is lost: ima/,
    ],
    [
      "a good tile that failed",
      withFirst({ fate: "failed", why: "x" }),
      /failed \(x\), expected im/,
    ],
    ["an end without a reason", withFirst({ fate: "held", why: null }), /has no reason/],
    [
      "an error of no tag",
      withFirst({ failures: [failure("Error")] }),
      /Error is no error of ours/,
    ],
    ["a file that ingest lost", { lostFiles: ["/in/a.hdf5"] }, /a\.hdf5 is lost/],
    ["a product made twice", { duplicates: ["group g has 2 current images"] }, /2 current/],
    ["a finding of the audit", { auditFindings: ["missing-file: x"] }, /audit: missing-file/],
    ["a fault that did not happen", { disturbed: [disturbed("waiting", null)] }, /did not happen/],
    [
      "one that interrupted nothing",
      { disturbed: [disturbed("done", "t")] },
      /interrupted nothing/,
    ],
    [
      "fluxes that are off",
      { truth: { ...GOOD.truth, medianFluxRatio: 1.013 } },
      /flux ratio above 8 σ: 1\.013, expected 1 ± 0\.01/,
    ],
    [
      "places that are off",
      { truth: { ...GOOD.truth, rmsOffsetArcsec: 0.4 } },
      /position offset where noise .* rms: 0\.400, expected at most 0\.3″/,
    ],
    [
      "fluxes that scatter",
      { truth: { ...GOOD.truth, fluxPullStd: 1.5 } },
      /scatter of fluxes .*: 1\.500, expected at most 1\.3/,
    ],
    [
      "faint sources that are missed",
      { truth: { ...GOOD.truth, foundFaint: 80, injectedFaint: 100 } },
      /found from 5 to 8 σ: 0\.800, expected at least 0\.9/,
    ],
    [
      "a source that was missed",
      { truth: { ...GOOD.truth, found: 29 } },
      /found above 8 σ: 0\.967/,
    ],
    ["false sources", { truth: { ...GOOD.truth, falseDetections: 7 } }, /a tile: 2\.333, expected/],
    ["a night without an image", { truth: { ...GOOD.truth, tileCount: 0 } }, /no tile was imaged/],
  ])("names %s", (_what, change, problem) => {
    const { problems } = judgeNight({ ...GOOD, ...change });
    assert.ok(
      problems.some((each) => problem.test(each)),
      JSON.stringify(problems),
    );
  });

  test("is silent about what changed imaging finds", () => {
    const missed = { ...GOOD.truth, found: 1, falseDetections: 99 };
    assert.deepEqual(judgeNight({ ...GOOD, truth: missed, hasOwnImaging: true }).problems, []);
  });
});

function withFirst(change: Partial<TileOutcome>): Partial<Evidence> {
  return {
    outcomes: GOOD.outcomes.map((each, index) => (index === 0 ? { ...each, ...change } : each)),
  };
}

function failure(tag: string) {
  return { stage: "imaging", tag, message: "no luck" };
}

function disturbed(
  state: "waiting" | "done",
  taskId: string | null,
): Evidence["disturbed"][number] {
  const disturbance = { kind: "kill-worker", stage: "imaging", fromTile: 0 } as const;
  return { disturbance, state, detail: "", groupId: null, taskId };
}
