/**
 * Solves the gains of a calibrator tile and writes them as CASA tables: `<group>.bcal`, which is
 * complete, and what it is made of, delays in `<group>.kcal` and gains in time in `<group>.gcal`.
 */
import { access } from "node:fs/promises";
import { join } from "node:path";

import {
  isCasacoreAvailable,
  writeBandpassTable,
  writeDelayTable,
  writeGainTable,
} from "@contimg/casacore";
import { z } from "zod";

import { antennaLimitsSchema } from "../calibration/antenna-report.ts";
import { preferredReferences } from "../calibration/reference-priority.ts";
import { briefOf, readSiteSolution } from "../calibration/site-solution.ts";
import { solutionFacts } from "../calibration/solution-facts.ts";
import { metricsOf } from "../calibration/solution-metrics.ts";
import { solveGains, type GainSolution, type SolveOptions } from "../calibration/solve-gains.ts";
import { skyOf, type SolveSky } from "../calibration/solve-sky.ts";
import { openVisibilitySet, type VisibilitySet } from "../calibration/visibility-set.ts";
import { CALIBRATOR_LIMITS } from "../calibrators/rank.ts";
import { PipelineError } from "../errors.ts";
import {
  calibrationTablePath,
  delayTablePath,
  gainTablePath,
  referenceCatalogPath,
} from "../products/paths.ts";
import { measured } from "../quality/measured.ts";
import type { Output, RunContext, Stage, StageResult } from "../stage.ts";
import { groupIdParam, pathParam } from "../stage-params.ts";

/** A table applies to data this far from its middle; beyond it gains have drifted by degrees. */
const VALIDITY_DAYS = 0.5;
/** CPARAM, PARAMERR, FLAG and SNR of the largest set: 117 antennas, 768 channels, 2 receptors. */
const TABLE_BYTES = 8_000_000;

const shapeSchema = z.strictObject({
  group_id: groupIdParam,
  /** Absolute; found in the registry when absent. */
  measurement_set_path: pathParam.optional(),
  /** J2000 name or alias in the VLA list; the best in the beam when absent. */
  calibrator: z.string().min(1).optional(),
  /** `tracking`: an antenna that follows the phase center, where a source of `flux_jy` is. */
  pointing: z.enum(["drift", "tracking"]).default("drift"),
  flux_jy: z.number().positive().optional(),
  /** What a calibrator must have, its flux as the beam shows it. */
  apparent_flux_min_jy: z.number().positive().default(CALIBRATOR_LIMITS.apparentFluxMinJy),
  beam_response_min: z.number().gt(0).lt(1).default(CALIBRATOR_LIMITS.beamResponseMin),
  /** Letters of the VLA list, C configuration; a calibrator given by name may have any. */
  calibrator_qualities: z
    .string()
    .regex(/^[PSWCX?]+$/)
    .default(CALIBRATOR_LIMITS.qualities),
  /** Calibrators by J2000 name and antennas by name that are not to be chosen, see routes.ts. */
  skip_calibrators: z.array(z.string()).default([]),
  skip_references: z.array(z.string()).default([]),
  /** Absolute; `catalogs/reference.csv` when absent. Its sources complete the model. */
  catalog_path: pathParam.optional(),
  use_field_sources: z.boolean().default(true),
  /** Sources are taken until the model has this share of the field's flux in the beam. */
  field_flux_fraction: z.number().gt(0).max(1).default(0.95),
  /** With the calibrator; each adds its part to the time of the model. */
  field_sources_max: z.int().min(1).max(100).default(9),
  channels_per_solution: z.int().min(1).default(1),
  /** Single solutions below it are flagged. */
  solution_snr_min: z.number().positive().default(3),
  /** Antennas beyond one of them are left out, each with the reason. */
  antenna_limits: antennaLimitsSchema.prefault({}),
  /** Of the gains in time, about. */
  gain_interval_s: z.number().positive().default(60),
  /** Longer delays are taken off before channels are summed, and named if others are shorter. */
  delay_max_ns: z.number().positive().default(5),
});

/** Gains are on the scale of the flux that they are made for: none is made up. */
const paramsSchema = shapeSchema.refine(
  ({ pointing, flux_jy }) => pointing === "drift" || flux_jy !== undefined,
  { path: ["flux_jy"], error: 'expected the source\'s flux in Jy with pointing "tracking"' },
);

export type SolveParams = z.infer<typeof paramsSchema>;

/** Null where the data decide. */
export type SolveInputs = Omit<
  SolveParams,
  "measurement_set_path" | "calibrator" | "flux_jy" | "catalog_path" | "use_field_sources"
> & {
  measurement_set_path: string;
  calibrator: string | null;
  flux_jy: number | null;
  catalog_path: string | null;
};

/** What the registry keeps of a table, and the task's result. */
export interface SolveResult {
  [key: string]: string | number | string[];
  table_path: string;
  group_id: string;
  calibrator: string;
  start_mjd: number;
  mid_mjd: number;
  end_mjd: number;
  declination_rad: number;
  reference_antenna: string;
  rejected_antennas: string[];
}

export const calibrationSolveStage: Stage<SolveParams, SolveInputs, SolveResult> = {
  name: "calibration-solve",
  packages: ["casacore-dev", "casacore-data"],
  params: paramsSchema,

  async resolve(params, lookup) {
    const { measurement_set_path, calibrator, catalog_path, use_field_sources, ...rest } = params;
    const catalog = catalog_path ?? referenceCatalogPath(lookup.dataRoot);
    const hasCatalog = catalog_path !== undefined || (await exists(catalog));
    return {
      ...rest,
      measurement_set_path:
        measurement_set_path ?? (await lookup.find("measurement-set", params.group_id)),
      calibrator: calibrator ?? null,
      flux_jy: params.flux_jy ?? null,
      catalog_path: use_field_sources && hasCatalog ? catalog : null,
    };
  },

  outputBytes: () => TABLE_BYTES,

  async run(inputs, context) {
    checkAddon();
    using set = openVisibilitySet(inputs.measurement_set_path);
    const sky = skyOf(set, inputs);
    const options = optionsOf(set, inputs, context, sky.modelOf);
    const solution = await solveGains(set, options).catch(unlessTooNoisy);
    if (solution instanceof PipelineError) return nothingSolved(solution, sky);
    const { metrics } = measured({ ...metricsOf(solution) });
    const grade = sky.findings.length > 0 ? "warn" : "good";
    const result = describe(set, solution, { sky, inputs });
    return {
      outputs: writeTables(solution, result, inputs, context.stageFolder),
      quality: { grade, findings: sky.findings, metrics },
      result,
    };
  },

  site: {
    files: ({ group_id }) => [
      {
        name: `${group_id}.bcal`,
        what: "B Jones table in CASA's layout, one row an antenna; V = g1 conj(g2) M",
        isRequired: true,
      },
    ],

    brief(inputs) {
      checkAddon();
      using set = openVisibilitySet(inputs.measurement_set_path);
      return briefOf(set, skyOf(set, inputs));
    },

    async adopt(inputs, _report, context) {
      checkAddon();
      using set = openVisibilitySet(inputs.measurement_set_path);
      const sky = skyOf(set, inputs);
      const stagePath = `${inputs.group_id}.bcal`;
      const solution = readSiteSolution(join(context.stageFolder, stagePath), set, sky);
      const { table, metrics } = solution;
      const nameOf = (antenna: number): string => set.antennas.names[antenna]!;
      const finalPath = calibrationTablePath(inputs.group_id);
      const result: SolveResult = {
        ...whereAndWhen(set, sky, inputs),
        mid_mjd: (set.startMjd + set.endMjd) / 2,
        reference_antenna: nameOf(table.referenceAntenna),
        rejected_antennas: solution.rejected.map(nameOf),
        channel_count: table.channelCount,
        ...metrics,
      };
      return {
        outputs: [{ kind: "calibration-table", stagePath, finalPath, metadata: result }],
        quality: { ...measured(metrics), findings: sky.findings },
        result,
      };
    },
  },

  async register(transaction, _params, result) {
    await transaction.query("select contimg.register_calibration($1, $2, $3, $4, $5, $6, $7, $8)", [
      result.table_path,
      result.group_id,
      result.calibrator,
      result.mid_mjd,
      result.mid_mjd - VALIDITY_DAYS,
      result.mid_mjd + VALIDITY_DAYS,
      result.declination_rad,
      JSON.stringify(result),
    ]);
  },
};

function unlessTooNoisy(error: unknown): PipelineError {
  if (error instanceof PipelineError && error.tag === "SolutionTooNoisy") return error;
  throw error;
}

/** The gate rejects what was not measured, and may try another calibrator. */
function nothingSolved(
  { message }: PipelineError,
  { facts: { calibrator } }: SolveSky,
): StageResult<SolveResult> {
  return {
    outputs: [],
    quality: { ...measured({}), findings: [message] },
    // Of a run that is rejected nothing is registered; the name is for the way round.
    result: { calibrator } as SolveResult,
  };
}

function checkAddon(): void {
  if (isCasacoreAvailable()) return;
  throw new PipelineError(
    "MissingTool",
    "the casacore addon is not built: install Debian package casacore-dev and run the set-up again",
    { debianPackage: "casacore-dev" },
  );
}

/** The bandpass first: it is what a group's calibration table is. */
function writeTables(
  solution: GainSolution,
  result: SolveResult,
  { group_id, measurement_set_path }: SolveInputs,
  stageFolder: string,
): Output[] {
  const paths = { B: `${group_id}.bcal`, K: `${group_id}.kcal`, G: `${group_id}.gcal` };
  const { referenceAntenna, timeMjd, intervalSeconds, delays, timeGains } = solution;
  writeBandpassTable(join(stageFolder, paths.B), solution, measurement_set_path);
  writeDelayTable(
    join(stageFolder, paths.K),
    { ...delays, referenceAntenna, timeMjd, intervalSeconds },
    measurement_set_path,
  );
  writeGainTable(
    join(stageFolder, paths.G),
    { ...timeGains, referenceAntenna },
    measurement_set_path,
  );
  const { start_mjd, mid_mjd, end_mjd, calibrator, reference_antenna } = result;
  const common = { start_mjd, mid_mjd, end_mjd, calibrator, reference_antenna };
  return [
    {
      kind: "calibration-table",
      stagePath: paths.B,
      finalPath: calibrationTablePath(group_id),
      metadata: result,
    },
    {
      kind: "delay-table",
      stagePath: paths.K,
      finalPath: delayTablePath(group_id),
      metadata: common,
    },
    {
      kind: "gain-table",
      stagePath: paths.G,
      finalPath: gainTablePath(group_id),
      metadata: { ...common, interval_s: timeGains.intervalSeconds },
    },
  ];
}

function optionsOf(
  set: VisibilitySet,
  inputs: SolveInputs,
  context: RunContext,
  modelOf: SolveOptions["modelOf"],
): SolveOptions {
  return {
    threadCount: context.threadCount,
    signal: context.signal,
    progress(fraction) {
      context.progress(0.9 * fraction, "gathering normal equations");
    },
    modelOf,
    bandpass: {
      channelsPerSolution: inputs.channels_per_solution,
      snrMin: inputs.solution_snr_min,
    },
    antennaLimits: inputs.antenna_limits,
    gainIntervalSeconds: inputs.gain_interval_s,
    delayMaxSeconds: 1e-9 * inputs.delay_max_ns,
    referenceAntennas: preferredReferences(set.telescopeName, set.antennas.names).filter(
      (antenna) => !inputs.skip_references.includes(set.antennas.names[antenna]!),
    ),
  };
}

function describe(
  set: VisibilitySet,
  solution: GainSolution,
  { sky, inputs }: { sky: SolveSky; inputs: SolveInputs },
): SolveResult {
  return {
    ...whereAndWhen(set, sky, inputs),
    mid_mjd: solution.timeMjd,
    ...solutionFacts(solution, set.antennas.names, inputs.delay_max_ns),
    channel_count: solution.channelCount,
    unconverged_count: solution.summary.unconvergedCount,
    iterations_max: solution.summary.iterationsMax,
    ...metricsOf(solution),
  };
}

function whereAndWhen(set: VisibilitySet, sky: SolveSky, { group_id }: SolveInputs) {
  return {
    table_path: calibrationTablePath(group_id),
    group_id,
    ...sky.facts,
    start_mjd: set.startMjd,
    end_mjd: set.endMjd,
    declination_rad: sky.declinationRad,
  };
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    // Absent is an answer here; a catalog that was asked for by name is checked when it is read.
    return false;
  }
}
