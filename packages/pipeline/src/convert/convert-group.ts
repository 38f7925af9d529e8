/**
 * UVH5 subband files of one observation → one Measurement Set.
 *
 * One spectral window with ascending frequency, one ICRS phase center, all antennas of the
 * telescope in the file's order, rows and autocorrelations as in the files. The data stream
 * through: memory holds two integrations as written, one being filled and one being put down, a
 * few subbands as read and, when the tile is flagged, a byte of each visibility: then flags are
 * written last. WEIGHT_SPECTRUM exists only where nsamples differ from one another; a
 * sample that nothing went into is flagged. Either the whole Measurement Set is there in the end,
 * or nothing of it.
 */
import { rm } from "node:fs/promises";

import type { RaDec } from "@contimg/astro";
import { createMeasurementSet } from "@contimg/casacore";
import type { BandIntegration } from "@contimg/formats";

import type { FlagParams } from "../flagging/flag-params.ts";
import { totalFraction } from "../flagging/flag-fractions.ts";
import type { TileFlagger, TileFlags } from "../flagging/tile-flagger.ts";
import { BandReader } from "./band-reader.ts";
import { planConversion } from "./conversion-plan.ts";
import type { ConversionPlan } from "./conversion-plan.ts";
import { ConversionTally } from "./conversion-tally.ts";
import { integrationGeometry } from "./geometry.ts";
import { IntegrationWriter } from "./integration-writer.ts";
import { createBandFlagger } from "./band-flagger.ts";
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
  /** Absent: only the flags of the files. */
  readonly flagging?: FlagParams;
  /** Of flagging; 1 when absent. */
  readonly threadCount?: number;
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
  readonly antennaNames: readonly string[];
  readonly timesMjd: Float64Array;
  readonly polarizationCount: number;
  readonly frequencyHz: Float64Array;
  readonly channelWidthHz: number;
  /**
   * Part of all samples that is flagged, 0…1; after flagging, of the cross-correlations of active
   * antennas.
   */
  readonly flaggedFraction: number;
  /** The same of each file, by the order of the files. */
  readonly subbandFlaggedFractions: readonly number[];
  /** Largest |re| or |im| of the visibilities, as they came. */
  readonly visAbsMax: number;
  /** Absent without flagging. */
  readonly flags?: TileFlags;
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
    let streamed = await stream(plan, request, false);
    const hasWeightSpectrum = streamed.tally.samplesDiffer;
    if (hasWeightSpectrum) {
      // Hardly ever: nsamples turned out to differ somewhere, so the weights need their column.
      await rm(request.outputPath, { recursive: true });
      streamed = await stream(plan, request, true);
    }
    checkSignal(files, streamed.tally.subbands);
    return summarize(plan, streamed, hasWeightSpectrum);
  } catch (error) {
    await rm(request.outputPath, { recursive: true, force: true });
    throw toPipelineError(error);
  } finally {
    closeAll(files);
  }
}

export interface Streamed {
  readonly tally: ConversionTally;
  readonly flags?: TileFlags;
}

/** Stops early, with a part of the rows, when nsamples differ and have no column. */
async function stream(
  plan: ConversionPlan,
  request: ConversionRequest,
  weightSpectrum: boolean,
): Promise<Streamed> {
  const { header } = plan.files[0]!;
  using table = createMeasurementSet(
    request.outputPath,
    describeMeasurementSet(plan, weightSpectrum),
  );
  await using flagger = createBandFlagger(plan, request.flagging, request.threadCount ?? 1);
  const reader = new BandReader(plan);
  const writer = new IntegrationWriter(plan, table);
  const tally = new ConversionTally(plan.files.length);
  const bands = [allocateBand(plan, weightSpectrum), allocateBand(plan, weightSpectrum)] as const;
  let writeLast = (): Promise<unknown> => Promise.resolve();
  for (let time = 0; time < header.timeCount; time += 1) {
    request.signal?.throwIfAborted();
    const band = bands[time % 2]!;
    const { pathM, uvwM } = integrationGeometry(header, plan.geometry, time);
    const [blocks] = await both(reader.fill(time, pathM, band), writeLast());
    tally.add(blocks);
    if (tally.samplesDiffer && !weightSpectrum) return { tally };
    writeLast = async () => {
      const write = writer.write(time, uvwM, band, flagger === null);
      await both(write, Promise.resolve(flagger?.add(time, band.vis, band.flags)));
      request.onIntegration?.(time + 1, header.timeCount);
    };
  }
  await writeLast();
  if (flagger === null) return { tally };
  return { tally, flags: await writeFlags(flagger, writer, header.timeCount, bands) };
}

/** Decides on the flags of the tile and writes them, through the bands that are free now. */
async function writeFlags(
  flagger: TileFlagger,
  writer: IntegrationWriter,
  timeCount: number,
  bands: readonly [BandIntegration, BandIntegration],
): Promise<TileFlags> {
  await flagger.decide();
  let writeLast = (): Promise<void> => Promise.resolve();
  for (let time = 0; time < timeCount; time += 1) {
    const { flags } = bands[time % 2]!;
    await both(flagger.write(time, flags), writeLast());
    writeLast = () => writer.writeFlags(time, flags);
  }
  await writeLast();
  return flagger.flags();
}

/** Waits for both, also when one fails: each still owns its arrays. */
export async function both<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([first, second]);
  return Promise.all([first, second]);
}

export function allocateBand(
  { files, axis }: ConversionPlan,
  hasWeights: boolean,
): BandIntegration {
  const { baselineCount, polarizationCount } = files[0]!.header;
  const sampleCount = baselineCount * axis.frequencyHz.length * polarizationCount;
  return {
    // In shared memory, for the threads that flag.
    vis: new Float32Array(new SharedArrayBuffer(8 * sampleCount)),
    // Of a missing subband; those of the others are overwritten.
    flags: new Uint8Array(new SharedArrayBuffer(sampleCount)).fill(1),
    weights: new Float32Array(hasWeights ? sampleCount : 0),
  };
}

export function summarize(
  plan: ConversionPlan,
  { tally, flags }: Streamed,
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
    antennaNames: header.antennaNames,
    timesMjd: header.timesMjd,
    polarizationCount: header.polarizationCount,
    frequencyHz,
    channelWidthHz: plan.axis.channelWidthHz,
    flaggedFraction:
      flags === undefined
        ? (tally.flaggedCount + missingCount) / sampleCount
        : totalFraction(flags),
    ...(flags === undefined ? {} : { flags }),
    subbandFlaggedFractions: tally.subbands.map((each) => each.flaggedCount / each.sampleCount),
    visAbsMax: tally.visAbsMax,
    hasWeightSpectrum,
    missing,
  };
}
