/**
 * How bright the catalogue's sources are today: sources vary, and a catalogue can be wrong.
 *
 * The brightest are fitted to a sample of the visibilities together, V = Σ a M, by least squares
 * with a weak pull of each a to 1, which only places that cannot be told apart feel. Fainter
 * sources and noise are what is left over; at a hundred thousand visibilities they weigh little.
 */
import {
  type IntegrationSlab,
  type PointSources,
  solveInPlace,
  SPEED_OF_LIGHT_M_S,
} from "@contimg/astro";

import type { ChannelAveraging } from "../calibration/calibrated-copy.ts";
import { allocateSlab, type Integration, type StoredSet } from "../calibration/visibility-set.ts";

/** Fainter ones cannot be measured among the others, and leave little [Jy, apparent]. */
const FITTED_MIN_JY = 0.05;
const FITTED_COUNT_MAX = 64;
/** Factor by which a catalogue may be off before the data are believed: what variables do. */
const DOUBT_MIN = 0.3;
/** Share of a source's own weight in the fit that pulls its scale to 1. */
const PULL = 0.01;
/** The sample. */
const INTEGRATION_COUNT = 6;
const ROW_COUNT = 1_500;
const CHANNEL_COUNT = 8;

/**
 * Factors by which sources are brighter in the data than in `seen`: 1 where they agree within
 * DOUBT_MIN, or where a source is too faint to tell; at least 0.
 *
 * @param seen the sources as each integration sees them
 * @param meanJy apparent flux of each over the tile
 */
export function measureScales(
  set: StoredSet,
  seen: readonly PointSources[],
  meanJy: readonly number[],
  averaging: ChannelAveraging,
): Float64Array {
  const scales = new Float64Array(meanJy.length).fill(1);
  const fitted = meanJy
    .map((_, index) => index)
    .filter((index) => meanJy[index]! >= FITTED_MIN_JY)
    .sort((a, b) => meanJy[b]! - meanJy[a]!)
    .slice(0, FITTED_COUNT_MAX);
  const found = fit(set, seen, fitted, averaging);
  if (found === undefined) return scales;
  for (const [at, index] of fitted.entries()) {
    const scale = found[at]!;
    if (Math.abs(scale - 1) > DOUBT_MIN) scales[index] = Math.max(0, scale);
  }
  return scales;
}

/** Undefined where nothing was to be fitted, or nothing was left to fit it to. */
function fit(
  set: StoredSet,
  seen: readonly PointSources[],
  fitted: readonly number[],
  averaging: ChannelAveraging,
): Float64Array | undefined {
  const order = fitted.length;
  const matrix = new Float64Array(order * order);
  const right = new Float64Array(order);
  const slab = allocateSlab(set);
  for (const time of spread(set.integrations.length, INTEGRATION_COUNT)) {
    const integration = set.integrations[time]!;
    const sample = { ...{ set, integration, averaging }, slab: set.readInto(integration, slab) };
    addSample(sample, seen[time]!, fitted, matrix, right);
  }
  for (let at = 0; at < order; at += 1) {
    const own = matrix[at * order + at]!;
    matrix[at * order + at] = own * (1 + PULL);
    right[at]! += own * PULL;
  }
  return order > 0 && solveInPlace(matrix, right) ? right : undefined;
}

interface Sample {
  readonly set: StoredSet;
  readonly integration: Integration;
  readonly slab: IntegrationSlab;
  readonly averaging: ChannelAveraging;
}

function addSample(
  { set, integration, slab, averaging }: Sample,
  sources: PointSources,
  fitted: readonly number[],
  matrix: Float64Array,
  right: Float64Array,
): void {
  const { firstRow, rowCount } = integration;
  const antennaCount = set.antennas.names.length;
  const channels = spread(slab.channelCount, CHANNEL_COUNT);
  const model = new Float64Array(2 * fitted.length);
  for (const row of spread(rowCount, ROW_COUNT)) {
    const [p, q] = [set.antenna1[firstRow + row]!, set.antenna2[firstRow + row]!];
    if (p === q) continue;
    for (const channel of channels) {
      const value = totalIntensity(slab, row, channel);
      if (value === undefined) continue;
      for (const [at, source] of fitted.entries()) {
        const path = source * antennaCount;
        const seconds = (sources.pathM[path + p]! - sources.pathM[path + q]!) / SPEED_OF_LIGHT_M_S;
        const angle = 2 * Math.PI * set.frequencyHz[channel]! * seconds;
        const jy =
          sources.apparentFluxJy[source * slab.channelCount + channel]! *
          averagingLoss(averaging, seconds);
        model[2 * at] = jy * Math.cos(angle);
        model[2 * at + 1] = jy * Math.sin(angle);
      }
      addVisibility(model, value, matrix, right);
    }
  }
}

/** One visibility's part of the normal equations: Re(M* M) and Re(M* V), the lower triangle. */
function addVisibility(
  model: Float64Array,
  [re, im]: readonly [re: number, im: number],
  matrix: Float64Array,
  right: Float64Array,
): void {
  const order = right.length;
  for (let row = 0; row < order; row += 1) {
    const [a, b] = [model[2 * row]!, model[2 * row + 1]!];
    right[row]! += a * re + b * im;
    for (let column = 0; column <= row; column += 1)
      matrix[row * order + column]! += a * model[2 * column]! + b * model[2 * column + 1]!;
  }
}

/** (XX + YY)/2; undefined where either is flagged. */
function totalIntensity(
  { vis, flags, channelCount, polarizationCount }: IntegrationSlab,
  row: number,
  channel: number,
): readonly [re: number, im: number] | undefined {
  const first = (row * channelCount + channel) * polarizationCount;
  const last = first + polarizationCount - 1;
  if (flags[first] !== 0 || flags[last] !== 0) return undefined;
  return [(vis[2 * first]! + vis[2 * last]!) / 2, (vis[2 * first + 1]! + vis[2 * last + 1]!) / 2];
}

/** What the mean of n channels keeps of a source: sin(n x)/(n sin x). */
function averagingLoss({ count, widthHz }: ChannelAveraging, seconds: number): number {
  const x = Math.PI * widthHz * seconds;
  return x === 0 ? 1 : Math.sin(count * x) / (count * Math.sin(x));
}

/** At most so many of the numbers below `total`, evenly spread. */
function spread(total: number, count: number): number[] {
  const step = Math.max(1, total / count);
  return Array.from({ length: Math.min(total, count) }, (_, index) =>
    Math.min(total - 1, Math.floor((index + 0.5) * step)),
  );
}
