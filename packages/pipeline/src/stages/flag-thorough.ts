/**
 * Flags a Measurement Set thoroughly, with AOFlagger and a strategy of our own: takes the group's
 * set and puts one with more flags in its place. For tiles whose interference the fast flagger of
 * the conversion leaves; it costs a copy of the set and some ten times the time.
 */
import { constants } from "node:fs";
import { cp, readdir, stat } from "node:fs/promises";
import { join } from "node:path";

import { isCasacoreAvailable } from "@contimg/casacore";
import { z } from "zod";

import { openVisibilitySet } from "../calibration/visibility-set.ts";
import { PipelineError } from "../errors.ts";
import { mergeFlags } from "../flagging/compare-flags.ts";
import { fractionsByReason, totalFraction } from "../flagging/flag-fractions.ts";
import { writeFlagProducts } from "../flagging/flag-products.ts";
import { flagStatistics } from "../flagging/statistics.ts";
import type { TileFlags } from "../flagging/tile-flagger.ts";
import { measurementSetPath, roleOfMeasurementSet, type TileRole } from "../products/paths.ts";
import { measured } from "../quality/measured.ts";
import type { Json, QualityVerdict, RunContext, Stage, StageResult } from "../stage.ts";
import { groupIdParam, pathParam } from "../stage-params.ts";
import { AOFLAGGER_PACKAGE, runAoflagger, THOROUGH_STRATEGY } from "../tools/aoflagger.ts";

const paramsSchema = z.strictObject({
  group_id: groupIdParam,
  /** Absolute; found in the registry when absent. */
  measurement_set_path: pathParam.optional(),
  /** Absolute, a Lua file; ours when absent. */
  strategy_path: pathParam.default(THOROUGH_STRATEGY),
  timeout_seconds: z.number().positive().max(86_400).default(900),
});

export type FlagThoroughParams = z.infer<typeof paramsSchema>;

export type FlagThoroughInputs = Omit<FlagThoroughParams, "measurement_set_path"> & {
  measurement_set_path: string;
  role: TileRole;
  input_bytes: number;
};

export const flagThoroughStage: Stage<FlagThoroughParams, FlagThoroughInputs, Json> = {
  name: "flag-thorough",
  packages: ["casacore-dev", AOFLAGGER_PACKAGE],
  params: paramsSchema,

  async resolve({ measurement_set_path: given, ...rest }, lookup) {
    const measurement_set_path = given ?? (await lookup.find("measurement-set", rest.group_id));
    return {
      ...rest,
      measurement_set_path,
      role: roleOfMeasurementSet(measurement_set_path, lookup.dataRoot),
      input_bytes: await bytesOf(measurement_set_path),
    };
  },

  /** The copy, and the tables of statistics that AOFlagger adds. */
  outputBytes: ({ input_bytes }) => Math.ceil(1.05 * input_bytes) + 10_000_000,

  async run(inputs, context) {
    checkAddon();
    const outputPath = join(context.stageFolder, `${inputs.group_id}.ms`);
    context.progress(0, "copying the Measurement Set");
    // Where the file system can, the copy shares its blocks with the original.
    await cp(inputs.measurement_set_path, outputPath, {
      recursive: true,
      mode: constants.COPYFILE_FICLONE,
    });
    context.progress(0.1, "AOFlagger");
    await runAoflagger(outputPath, {
      strategyPath: inputs.strategy_path,
      threadCount: context.threadCount,
      timeoutSeconds: inputs.timeout_seconds,
      signal: context.signal,
    });
    return finish(inputs, context);
  },

  site: {
    files: ({ group_id }) => [
      {
        name: `${group_id}.ms`,
        what: "the input's copy with more flags; those that it has already are put back",
        isRequired: true,
      },
    ],
    adopt: async (inputs, _report, context) => finish(inputs, context),
  },
};

/** What was added, as products; the new set stands in the stage folder. */
async function finish(inputs: FlagThoroughInputs, context: RunContext): Promise<StageResult> {
  checkAddon();
  const stagePath = `${inputs.group_id}.ms`;
  const outputPath = join(context.stageFolder, stagePath);
  context.progress(0.9, "comparing flags");
  using before = openVisibilitySet(inputs.measurement_set_path);
  const flags = mergeFlags(before, outputPath);
  const statistics = flagStatistics(flags, {
    groupId: inputs.group_id,
    antennaNames: before.antennas.names,
    frequencyHz: before.frequencyHz,
    timesMjd: Float64Array.from(before.integrations, ({ timeMjd }) => timeMjd),
  });
  const finalPath = measurementSetPath(inputs.group_id, inputs.role);
  const times = { start_mjd: before.startMjd, end_mjd: before.endMjd };
  const result = { ...describe(flags, finalPath), ...times };
  const plots = await writeFlagProducts(statistics, inputs.role, context.stageFolder);
  return {
    outputs: [{ kind: "measurement-set", stagePath, finalPath, metadata: result }, ...plots],
    quality: judge(flags),
    result,
  };
}

function describe(flags: TileFlags, finalPath: string) {
  const { earlier, aoflagger } = fractionsByReason(flags);
  return {
    measurement_set_path: finalPath,
    flagged_fraction: totalFraction(flags),
    flagged_before_fraction: earlier,
    flagged_by_aoflagger_fraction: aoflagger,
  };
}

function judge(flags: TileFlags): QualityVerdict {
  const { earlier, aoflagger } = fractionsByReason(flags);
  return measured({
    flagged_fraction: totalFraction(flags),
    flagged_before_fraction: earlier,
    flagged_by_aoflagger_fraction: aoflagger,
  });
}

function checkAddon(): void {
  if (isCasacoreAvailable()) return;
  throw new PipelineError(
    "MissingTool",
    "the casacore addon is not built: install Debian package casacore-dev and run the set-up again",
    { debianPackage: "casacore-dev" },
  );
}

async function bytesOf(path: string): Promise<number> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const sizes = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(async (entry) => stat(join(entry.parentPath, entry.name))),
  );
  return sizes.reduce((sum, { size }) => sum + size, 0);
}
