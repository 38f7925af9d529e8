/**
 * Solves the gains of a calibrator tile and writes them as a CASA bandpass table: `<group>.bcal`.
 */
import { access } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { sourceAtPhaseCenter } from "@contimg/astro";
import { isCasacoreAvailable, writeBandpassTable } from "@contimg/casacore";
import { readReferenceCatalog, readVlaCalibrators } from "@contimg/formats";
import { z } from "zod";

import { pointingOf } from "../calibration/pointing.ts";
import { preferredReferences } from "../calibration/reference-priority.ts";
import { chooseCalibrator, driftModel, fieldSources, tileOf } from "../calibration/sky-model.ts";
import { judgeSolution, metricsOf } from "../calibration/solution-verdict.ts";
import { solveGains, type GainSolution, type SolveOptions } from "../calibration/solve-gains.ts";
import { openVisibilitySet, type VisibilitySet } from "../calibration/visibility-set.ts";
import { PipelineError } from "../errors.ts";
import { calibrationTablePath, referenceCatalogPath } from "../products/paths.ts";
import { measured } from "../quality/measured.ts";
import type { RunContext, Stage, StageResult } from "../stage.ts";
import { groupIdParam, pathParam } from "../stage-params.ts";

const CALIBRATOR_LIST = fileURLToPath(
  new URL("../../../../data/vla_calibrators.csv", import.meta.url),
);
/** A table applies to data this far from its middle; beyond it gains have drifted by degrees. */
const VALIDITY_DAYS = 0.5;
/** CPARAM, PARAMERR, FLAG and SNR of the largest set: 117 antennas, 768 channels, 2 receptors. */
const TABLE_BYTES = 8_000_000;

const paramsSchema = z.strictObject({
  group_id: groupIdParam,
  /** Absolute; found in the registry when absent. */
  measurement_set_path: pathParam.optional(),
  /** J2000 name or alias in the VLA list; the brightest in the beam when absent. */
  calibrator: z.string().min(1).optional(),
  /** `tracking`: an antenna that follows the phase center, where a source of `flux_jy` is. */
  pointing: z.enum(["drift", "tracking"]).default("drift"),
  flux_jy: z.number().positive().default(1),
  /** Absolute; `catalogs/reference.csv` when absent. Its sources complete the model. */
  catalog_path: pathParam.optional(),
  use_field_sources: z.boolean().default(true),
  /** Calibrators by J2000 name and antennas by name that are not to be chosen, see routes.ts. */
  skip_calibrators: z.array(z.string()).default([]),
  skip_references: z.array(z.string()).default([]),
  channels_per_solution: z.int().min(1).default(1),
  /** Antennas below it, in the median over channels, are left out. */
  antenna_snr_min: z.number().positive().default(5),
  /** Single solutions below it are flagged. */
  solution_snr_min: z.number().positive().default(3),
});

export type SolveParams = z.infer<typeof paramsSchema>;

/** Null where the data decide. */
export type SolveInputs = Omit<
  SolveParams,
  "measurement_set_path" | "calibrator" | "catalog_path" | "use_field_sources"
> & {
  measurement_set_path: string;
  calibrator: string | null;
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
    const quality = judgeSolution(metricsOf(solution));
    const stagePath = `${inputs.group_id}.bcal`;
    writeBandpassTable(join(context.stageFolder, stagePath), solution, inputs.measurement_set_path);
    const finalPath = calibrationTablePath(inputs.group_id);
    const result = describe(set, solution, { finalPath, sky, inputs });
    return {
      outputs: [{ kind: "calibration-table", stagePath, finalPath, metadata: result }],
      quality,
      result,
    };
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
function nothingSolved({ message }: PipelineError, { calibrator }: Sky): StageResult<SolveResult> {
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

interface Sky {
  readonly calibrator: string;
  readonly apparentFluxJy: number;
  readonly sourceCount: number;
  readonly declinationRad: number;
  readonly modelOf: SolveOptions["modelOf"];
}

function skyOf(set: VisibilitySet, inputs: SolveInputs): Sky {
  const antennaCount = set.antennas.names.length;
  const pointing = pointingOf(set);
  const { declinationRad } = pointing;
  if (inputs.pointing === "tracking") {
    const model = sourceAtPhaseCenter(inputs.flux_jy, antennaCount, set.frequencyHz.length);
    return {
      calibrator: inputs.calibrator ?? set.field.name,
      apparentFluxJy: inputs.flux_jy,
      sourceCount: 1,
      declinationRad,
      modelOf: () => model,
    };
  }
  const tile = tileOf(set, pointing);
  const list = readVlaCalibrators(CALIBRATOR_LIST).filter(
    ({ name }) => !inputs.skip_calibrators.includes(name),
  );
  const calibrator = chooseCalibrator(list, inputs.calibrator ?? undefined, tile);
  const others =
    inputs.catalog_path === null
      ? []
      : fieldSources(readReferenceCatalog(inputs.catalog_path), calibrator, tile);
  return {
    calibrator: calibrator.name,
    apparentFluxJy: calibrator.apparentFluxJy,
    sourceCount: 1 + others.length,
    declinationRad,
    modelOf: driftModel(set, pointing, [calibrator.source, ...others]),
  };
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
    antennaSnrMin: inputs.antenna_snr_min,
    referenceAntennas: preferredReferences(set.telescopeName, set.antennas.names).filter(
      (antenna) => !inputs.skip_references.includes(set.antennas.names[antenna]!),
    ),
  };
}

function describe(
  set: VisibilitySet,
  solution: GainSolution,
  { finalPath, sky, inputs }: { finalPath: string; sky: Sky; inputs: SolveInputs },
): SolveResult {
  const { names } = set.antennas;
  return {
    table_path: finalPath,
    group_id: inputs.group_id,
    calibrator: sky.calibrator,
    calibrator_apparent_jy: sky.apparentFluxJy,
    model_source_count: sky.sourceCount,
    start_mjd: set.startMjd,
    mid_mjd: solution.timeMjd,
    end_mjd: set.endMjd,
    declination_rad: sky.declinationRad,
    reference_antenna: names[solution.referenceAntenna]!,
    rejected_antennas: solution.rejectedAntennas.map((antenna) => names[antenna]!),
    channel_count: solution.channelCount,
    unconverged_count: solution.summary.unconvergedCount,
    iterations_max: solution.summary.iterationsMax,
    ...metricsOf(solution),
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
