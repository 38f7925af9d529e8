/**
 * UVH5 subband files of one observation → one Measurement Set.
 *
 * One spectral window with ascending frequency, one ICRS phase center, all antennas of the
 * telescope in the file's order, rows and autocorrelations as in the files. The data stream
 * through: memory holds two integrations as read and one as written. WEIGHT_SPECTRUM exists only
 * where nsamples differ from one another; a sample that nothing went into is flagged. Either the
 * whole Measurement Set is there in the end, or nothing of it.
 */
import { rm } from "node:fs/promises";

import type { RaDec } from "@contimg/astro";
import { createMeasurementSet } from "@contimg/casacore";

import { planConversion } from "./conversion-plan.ts";
import type { ConversionPlan } from "./conversion-plan.ts";
import { IntegrationWriter } from "./integration-writer.ts";
import type { IntegrationTally } from "./integration-writer.ts";
import { describeMeasurementSet } from "./measurement-set-description.ts";
import { closeAll, openSubbands, toPipelineError } from "./open-subbands.ts";
import { checkSignal } from "./signal.ts";
import { SubbandReader } from "./subband-reader.ts";

export interface ConversionRequest {
  /** In any order; placed by their frequencies. */
  readonly inputPaths: readonly string[];
  /** Must not exist. */
  readonly outputPath: string;
  /** ICRS; unless given, the point on the meridian at the middle of the observation. */
  readonly center?: RaDec;
  /** Where the telescope should have pointed, apparent, when the caller knows. */
  readonly expectedDeclinationRad?: number;
  /** UT1 − UTC; unless given, the file's own, else 0. */
  readonly dut1Seconds?: number;
  readonly signal?: AbortSignal;
  /** Called after each integration. */
  readonly onIntegration?: (done: number, of: number) => void;
}

export interface Conversion {
  readonly center: RaDec;
  /** Apparent, in which the telescope points. */
  readonly declinationRad: number;
  readonly startMjd: number;
  readonly endMjd: number;
  readonly dut1Seconds: number;
  readonly rowCount: number;
  readonly timeCount: number;
  readonly baselineCount: number;
  readonly antennaCount: number;
  readonly polarizationCount: number;
  readonly frequencyHz: Float64Array;
  readonly channelWidthHz: number;
  /** Part of all samples that is flagged, 0…1. */
  readonly flaggedFraction: number;
  readonly hasWeightSpectrum: boolean;
}

/**
 * Converts a group.
 * @throws {PipelineError} MalformedFile, UnphysicalData, WrongDeclination; InvalidParams when a
 *   center is asked for that the data are not phased to
 */
export async function convertGroup(request: ConversionRequest): Promise<Conversion> {
  const files = openSubbands(request.inputPaths);
  try {
    const plan = planConversion(files, request);
    let tally = await stream(plan, request, false);
    // Hardly ever: nsamples turned out to differ somewhere, so the weights need their column.
    tally ??= await stream(plan, request, true);
    if (tally === undefined) throw new Error("a conversion with weights cannot ask for weights");
    checkSignal(files, tally.subbands);
    return summarize(plan, tally);
  } catch (error) {
    await rm(request.outputPath, { recursive: true, force: true });
    throw toPipelineError(error);
  } finally {
    closeAll(files);
  }
}

/** @returns undefined, and leaves no file, when weights are needed but were not asked for */
async function stream(
  plan: ConversionPlan,
  request: ConversionRequest,
  weightSpectrum: boolean,
): Promise<IntegrationTally | undefined> {
  const { timeCount } = plan.files[0]!.header;
  const description = describeMeasurementSet(plan, weightSpectrum);
  using table = createMeasurementSet(request.outputPath, description);
  const reader = new SubbandReader(plan.files);
  const writer = new IntegrationWriter(plan, table, weightSpectrum);
  try {
    for (let time = 0; time < timeCount; time += 1) {
      request.signal?.throwIfAborted();
      const blocks = await reader.read(time);
      if (!writer.write(time, blocks)) break;
      request.onIntegration?.(time + 1, timeCount);
    }
  } finally {
    await reader.settle();
  }
  if (!writer.needsWeights) return writer.tally;
  table.close();
  await rm(request.outputPath, { recursive: true });
  return undefined;
}

function summarize(plan: ConversionPlan, tally: IntegrationTally): Conversion {
  const { header } = plan.files[0]!;
  const { startMjd, endMjd } = describeMeasurementSet(plan, tally.hasWeightSpectrum);
  const rowCount = header.timeCount * header.baselineCount;
  const sampleCount = rowCount * plan.axis.frequencyHz.length * header.polarizationCount;
  return {
    center: plan.geometry.center,
    declinationRad: plan.declinationRad,
    startMjd,
    endMjd,
    dut1Seconds: plan.geometry.dut1Seconds,
    rowCount,
    timeCount: header.timeCount,
    baselineCount: header.baselineCount,
    antennaCount: header.antennaNames.length,
    polarizationCount: header.polarizationCount,
    frequencyHz: plan.axis.frequencyHz,
    channelWidthHz: plan.axis.channelWidthHz,
    flaggedFraction: tally.flaggedCount / sampleCount,
    hasWeightSpectrum: tally.hasWeightSpectrum,
  };
}
