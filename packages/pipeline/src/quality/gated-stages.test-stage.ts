/**
 * Stages that need no science packages, to try what happens at gates: one that solves with the
 * first calibrator and reference that it may take and measures what its params say of the pair, one
 * that comes after it, and one that flags. They bear names of real stages, whose gates and places
 * they use.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { z } from "zod";

import { PipelineError } from "../errors.ts";
import { calibrationTablePath, measurementSetPath, photometryPath } from "../products/paths.ts";
import type { Stage, StageResult } from "../stage.ts";

const solveParams = z.strictObject({
  group_id: z.string(),
  calibrators: z.array(z.string()).default(["A"]),
  references: z.array(z.string()).default(["r1"]),
  skip_calibrators: z.array(z.string()).default([]),
  skip_references: z.array(z.string()).default([]),
  calibrator: z.string().optional(),
  /** By "calibrator/reference", "…/flagged" on a flagged set; what is not listed is good. */
  metrics: z.record(z.string(), z.record(z.string(), z.number())).default({}),
});

type SolveParams = z.infer<typeof solveParams>;
type SolveResult = { table_path: string; calibrator: string; reference_antenna: string };

export const GATED_STAGES_URL = import.meta.url;

/** Within all limits. */
export const GOOD_METRICS = {
  median_snr: 50,
  flagged_fraction: 0.05,
  phase_scatter_deg: 8,
  amplitude_scatter: 0.1,
  median_amplitude: 1,
  unconverged_fraction: 0,
  usable_count: 90,
};

type SolveInputs = SolveParams & { calibrator: string; is_flagged: boolean };

export const solveStage: Stage<SolveParams, SolveInputs, SolveResult> = {
  name: "calibration-solve",
  packages: [],
  params: solveParams,
  async resolve(params, lookup) {
    const free = params.calibrators.filter((each) => !params.skip_calibrators.includes(each));
    const calibrator = params.calibrator ?? free[0];
    if (calibrator === undefined) {
      throw new PipelineError("NoCalibrator", "no calibrator is left", { calibrator: null });
    }
    const is_flagged = await lookup.find("measurement-set", params.group_id).then(
      () => true,
      () => false,
    );
    return { ...params, calibrator, is_flagged };
  },
  outputBytes: () => 100,
  async run(inputs, context): Promise<StageResult<SolveResult>> {
    const { calibrator, references, skip_references: skipped } = inputs;
    const reference = references.find((each) => !skipped.includes(each)) ?? "none";
    await writeFile(join(context.stageFolder, "table"), `${calibrator} ${reference}\n`);
    const finalPath = calibrationTablePath(inputs.group_id);
    const result = { table_path: finalPath, calibrator, reference_antenna: reference };
    const flagged = inputs.is_flagged ? "/flagged" : "";
    const measured = inputs.metrics[`${calibrator}/${reference}${flagged}`] ?? {};
    return {
      outputs: [{ kind: "calibration-table", stagePath: "table", finalPath, metadata: result }],
      quality: { grade: "good", findings: [], metrics: { ...GOOD_METRICS, ...measured } },
      result,
    };
  },
  async register(transaction, { group_id }, { table_path, calibrator }) {
    await transaction.query(
      "select contimg.register_calibration($1, $2, $3, 61000, 60999.5, 61000.5, 0.9, '{}')",
      [table_path, group_id, calibrator],
    );
  },
};

const flagParams = z.strictObject({ group_id: z.string() });
type FlagParams = z.infer<typeof flagParams>;

export const flagStage: Stage<FlagParams, FlagParams, null> = {
  name: "flag-thorough",
  packages: [],
  params: flagParams,
  resolve: (params) => Promise.resolve(params),
  outputBytes: () => 100,
  async run({ group_id }, context): Promise<StageResult<null>> {
    await writeFile(join(context.stageFolder, "set"), "flagged\n");
    const finalPath = measurementSetPath(group_id, "science");
    return {
      outputs: [{ kind: "measurement-set", stagePath: "set", finalPath, metadata: {} }],
      quality: { grade: "good", findings: [], metrics: { flagged_fraction: 0.1 } },
      result: null,
    };
  },
};

const nextParams = z.strictObject({ group_id: z.string() });
type NextParams = z.infer<typeof nextParams>;

export const nextStage: Stage<NextParams, NextParams & { table: string }, { used: string }> = {
  name: "photometry",
  packages: [],
  params: nextParams,
  async resolve({ group_id }, lookup) {
    return { group_id, table: await lookup.find("calibration-table", group_id) };
  },
  outputBytes: () => 100,
  async run({ group_id, table }, context): Promise<StageResult<{ used: string }>> {
    await writeFile(join(context.stageFolder, "fluxes"), `${table}\n`);
    const finalPath = photometryPath(group_id, "csv");
    return {
      outputs: [{ kind: "photometry", stagePath: "fluxes", finalPath, metadata: {} }],
      quality: { grade: "good", findings: [], metrics: { median_flux_ratio: 1 } },
      result: { used: table },
    };
  },
};
