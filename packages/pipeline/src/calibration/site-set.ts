/** A Measurement Set that a site's own program wrote, as our readers see it. */
import { PipelineError } from "../errors.ts";
import { pointingOf } from "./pointing.ts";
import { allocateSlab, openVisibilitySet, type StoredSet } from "./visibility-set.ts";

const DEGREES_PER_RAD = 180 / Math.PI;

export interface SiteSetFacts {
  readonly [name: string]: number;
  readonly ra_deg: number;
  readonly dec_deg: number;
  /** Apparent, of the pointing. */
  readonly declination_deg: number;
  readonly start_mjd: number;
  readonly mid_mjd: number;
  readonly end_mjd: number;
  /** Of the cross-correlations of antennas that have any that is not flagged. */
  readonly flagged_fraction: number;
  /** Largest |re| or |im| of what is not flagged. */
  readonly amplitude_max: number;
}

/** Reads all of it once. @throws {PipelineError} MalformedFile, TooFewVisibilities */
export function readSiteSet(path: string, signal: AbortSignal): SiteSetFacts {
  using set = openVisibilitySet(path);
  const { flaggedFraction, amplitudeMax } = countFlags(set, signal);
  const { field, startMjd, endMjd, frequencyHz } = set;
  return {
    ra_deg: field.raRad * DEGREES_PER_RAD,
    dec_deg: field.decRad * DEGREES_PER_RAD,
    declination_deg: pointingOf(set).declinationRad * DEGREES_PER_RAD,
    start_mjd: startMjd,
    mid_mjd: (startMjd + endMjd) / 2,
    end_mjd: endMjd,
    row_count: set.antenna1.length,
    time_count: set.integrations.length,
    antenna_count: set.antennas.names.length,
    polarization_count: set.correlationTypes.length,
    channel_count: frequencyHz.length,
    channel_width_hz: set.channelWidthHz,
    start_frequency_hz: frequencyHz[0]!,
    end_frequency_hz: frequencyHz.at(-1)!,
    flagged_fraction: flaggedFraction,
    amplitude_max: amplitudeMax,
  };
}

function countFlags(
  set: StoredSet,
  signal: AbortSignal,
): { flaggedFraction: number; amplitudeMax: number } {
  const cells = set.frequencyHz.length * set.correlationTypes.length;
  const flagged = new Float64Array(set.antenna1.length);
  const buffers = allocateSlab(set);
  let amplitudeMax = 0;
  for (const integration of set.integrations) {
    signal.throwIfAborted();
    const { vis, flags, rowCount } = set.readInto(integration, buffers);
    for (let row = 0; row < rowCount; row += 1)
      for (let cell = row * cells; cell < (row + 1) * cells; cell += 1) {
        if (flags[cell] !== 0) flagged[integration.firstRow + row]! += 1;
        else amplitudeMax = larger(amplitudeMax, vis[2 * cell]!, vis[2 * cell + 1]!, set.path);
      }
  }
  const active = new Set<number>();
  for (const [row, count] of flagged.entries())
    if (count < cells && set.antenna1[row] !== set.antenna2[row])
      active.add(set.antenna1[row]!).add(set.antenna2[row]!);
  let flaggedCount = 0;
  let totalCount = 0;
  for (const [row, count] of flagged.entries()) {
    const [p, q] = [set.antenna1[row]!, set.antenna2[row]!];
    if (p === q || !active.has(p) || !active.has(q)) continue;
    flaggedCount += count;
    totalCount += cells;
  }
  return { flaggedFraction: totalCount === 0 ? 1 : flaggedCount / totalCount, amplitudeMax };
}

function larger(most: number, re: number, im: number, path: string): number {
  const size = Math.max(Math.abs(re), Math.abs(im));
  if (Number.isFinite(size)) return Math.max(most, size);
  throw new PipelineError(
    "MalformedFile",
    `${path}: a visibility that is not flagged is no number`,
    {
      path,
    },
  );
}
