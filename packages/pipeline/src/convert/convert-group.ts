/**
 * UVH5 subband files of one observation → one Measurement Set.
 *
 * One spectral window with ascending frequency, one ICRS phase center, all antennas of the
 * telescope in the file's order, rows and autocorrelations as in the files. The data stream
 * through: memory holds two integrations as written, one being filled and one being put down, and
 * a few subbands as read. WEIGHT_SPECTRUM exists only where nsamples differ from one another; a
 * sample that nothing went into is flagged. Either the whole Measurement Set is there in the end,
 * or nothing of it.
 */
import { rm } from "node:fs/promises";

import type { RaDec } from "@contimg/astro";
import { createMeasurementSet } from "@contimg/casacore";
import type { BandIntegration } from "@contimg/formats";

import { BandReader } from "./band-reader.ts";
import { planConversion } from "./conversion-plan.ts";
import type { ConversionPlan } from "./conversion-plan.ts";
import { ConversionTally } from "./conversion-tally.ts";
import { integrationGeometry } from "./geometry.ts";
import { IntegrationWriter } from "./integration-writer.ts";
import { describeMeasurementSet } from "./measurement-set-description.ts";
import { closeAll, openSubbands, toPipelineError } from "./open-subbands.ts";
import { checkSignal } from "./signal.ts";

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
  /** Files of a whole group: the channels of missing ones are flagged. Unless given: none is. */
  readonly flagMissingOf?: number;
  readonly signal?: AbortSignal;
  /** Called when an integration is written. */
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
  /** The same of each file, by the order of the files. */
  readonly subbandFlaggedFractions: readonly number[];
  /** Largest |re| or |im| of the visibilities, as they came. */
  readonly visAbsMax: number;
  readonly hasWeightSpectrum: boolean;
  /** Subbands whose channels are there without a file, flagged. */
  readonly missing: readonly number[];
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
    const hasWeightSpectrum = tally.samplesDiffer;
    if (hasWeightSpectrum) {
      // Hardly ever: nsamples turned out to differ somewhere, so the weights need their column.
      await rm(request.outputPath, { recursive: true });
      tally = await stream(plan, request, true);
    }
    checkSignal(files, tally.subbands);
    return summarize(plan, tally, hasWeightSpectrum);
  } catch (error) {
    await rm(request.outputPath, { recursive: true, force: true });
    throw toPipelineError(error);
  } finally {
    closeAll(files);
  }
}

/** Stops early, with a part of the rows, when nsamples differ and have no column. */
async function stream(
  plan: ConversionPlan,
  request: ConversionRequest,
  weightSpectrum: boolean,
): Promise<ConversionTally> {
  const { header } = plan.files[0]!;
  using table = createMeasurementSet(
    request.outputPath,
    describeMeasurementSet(plan, weightSpectrum),
  );
  const reader = new BandReader(plan);
  const writer = new IntegrationWriter(plan, table);
  const tally = new ConversionTally(plan.files.length);
  const bands = [allocateBand(plan, weightSpectrum), allocateBand(plan, weightSpectrum)] as const;
  let writeLast = (): Promise<void> => Promise.resolve();
  for (let time = 0; time < header.timeCount; time += 1) {
    request.signal?.throwIfAborted();
    const band = bands[time % 2]!;
    const { pathM, uvwM } = integrationGeometry(header, plan.geometry, time);
    const [blocks] = await both(reader.fill(time, pathM, band), writeLast());
    tally.add(blocks);
    if (tally.samplesDiffer && !weightSpectrum) return tally;
    writeLast = async () => {
      await writer.write(time, uvwM, band);
      request.onIntegration?.(time + 1, header.timeCount);
    };
  }
  await writeLast();
  return tally;
}

/** Waits for both, also when one fails: each still owns its arrays. */
async function both<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([first, second]);
  return Promise.all([first, second]);
}

function allocateBand({ files, axis }: ConversionPlan, hasWeights: boolean): BandIntegration {
  const { baselineCount, polarizationCount } = files[0]!.header;
  const sampleCount = baselineCount * axis.frequencyHz.length * polarizationCount;
  return {
    vis: new Float32Array(2 * sampleCount),
    // Of a missing subband; those of the others are overwritten.
    flags: new Uint8Array(sampleCount).fill(1),
    weights: new Float32Array(hasWeights ? sampleCount : 0),
  };
}

function summarize(
  plan: ConversionPlan,
  tally: ConversionTally,
  hasWeightSpectrum: boolean,
): Conversion {
  const { header } = plan.files[0]!;
  const { startMjd, endMjd } = describeMeasurementSet(plan, hasWeightSpectrum);
  const rowCount = header.timeCount * header.baselineCount;
  const { frequencyHz, places, missing } = plan.axis;
  const sampleCount = rowCount * frequencyHz.length * header.polarizationCount;
  const presentCount = places.reduce((sum, place) => sum + place.channelCount, 0);
  const missingCount = sampleCount * (1 - presentCount / frequencyHz.length);
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
    frequencyHz,
    channelWidthHz: plan.axis.channelWidthHz,
    flaggedFraction: (tally.flaggedCount + missingCount) / sampleCount,
    subbandFlaggedFractions: tally.subbands.map((each) => each.flaggedCount / each.sampleCount),
    visAbsMax: tally.visAbsMax,
    hasWeightSpectrum,
    missing,
  };
}
