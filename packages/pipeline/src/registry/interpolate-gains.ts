/**
 * Gains between two solutions, per antenna, channel and polarization.
 *
 * The gains of one channel and polarization have a common phase that no data can tell, and each
 * solution chose its own (a reference antenna, which may be another one or flagged). So the second
 * is first turned onto the first: by the phase that its antennas have to the first's on average.
 * What is left, antenna by antenna, is drift. It is followed along the shorter arc, amplitudes
 * linearly: a mean of complex numbers would lose 1 − cos(Δ/2) of the amplitude.
 */
import type { BandpassTable } from "@contimg/casacore";

import { PipelineError } from "../errors.ts";

export interface WeightedTable {
  readonly table: BandpassTable;
  readonly weight: number;
}

/** Shares of the cells that have a solution in either table. */
export interface InterpolationReport {
  readonly interpolatedFraction: number;
  /** Flagged in one of the tables, so the other's. */
  readonly oneSidedFraction: number;
  /** More than a quarter turn apart, so the heavier table's. */
  readonly turnedFraction: number;
}

export interface InterpolatedGains {
  readonly table: BandpassTable;
  readonly report: InterpolationReport;
}

/**
 * @param tables one or two, the heavier first
 * @throws {PipelineError} NoCalibration when they are of different channels or polarizations
 */
export function interpolateGains(tables: readonly WeightedTable[]): InterpolatedGains {
  const [first, second] = tables;
  if (first === undefined || tables.length > 2)
    throw new RangeError(`interpolating ${tables.length} tables, expected one or two`);
  if (second === undefined) {
    const report = { interpolatedFraction: 0, oneSidedFraction: 0, turnedFraction: 0 };
    return { table: first.table, report };
  }
  assertAlike(first.table, second.table);
  const names = unionOf(first.table.antennaNames, second.table.antennaNames);
  const [base, other] = [arrange(first.table, names), arrange(second.table, names)];
  const total = first.weight + second.weight;
  return merge(base, other, second.weight / total);
}

function assertAlike(a: BandpassTable, b: BandpassTable): void {
  const [firstHz = 0, secondHz = firstHz] = a.frequencyHz;
  const widthHz = Math.abs(secondHz - firstHz);
  const same =
    a.channelCount === b.channelCount &&
    a.polarizationCount === b.polarizationCount &&
    a.frequencyHz.every((hz, channel) => Math.abs(hz - b.frequencyHz[channel]!) <= 0.1 * widthHz);
  if (same) return;
  const inWords = (table: BandpassTable): string =>
    `that of ${table.measurementSetName} has ${table.channelCount} channels from ` +
    `${table.frequencyHz[0] ?? 0} Hz and ${table.polarizationCount} polarizations`;
  throw new PipelineError(
    "NoCalibration",
    `two calibrations cannot be interpolated: ${inWords(a)}, ${inWords(b)}`,
    { measurementSets: [a.measurementSetName, b.measurementSetName] },
  );
}

function unionOf(a: readonly string[], b: readonly string[]): string[] {
  return [...new Set([...a, ...b])];
}

/** The table with its antennas as named; those that it lacks are flagged. */
function arrange(table: BandpassTable, names: readonly string[]): BandpassTable {
  const cells = table.channelCount * table.polarizationCount;
  const count = names.length * cells;
  const gains = new Float32Array(2 * count);
  const error = new Float32Array(count);
  const flags = new Uint8Array(count).fill(1);
  for (const [antenna, name] of names.entries()) {
    const from = table.antennaNames.indexOf(name) * cells;
    if (from < 0) continue;
    gains.set(table.gains.subarray(2 * from, 2 * (from + cells)), 2 * antenna * cells);
    error.set(table.error.subarray(from, from + cells), antenna * cells);
    flags.set(table.flags.subarray(from, from + cells), antenna * cells);
  }
  return {
    ...table,
    antennaNames: names,
    antennaCount: names.length,
    gains,
    error,
    flags,
    snr: new Float32Array(count),
    referenceAntenna: names.indexOf(table.antennaNames[table.referenceAntenna] ?? ""),
  };
}

/** Writes into `base`, which is ours. @param share of the other, 0 to 1 */
function merge(base: BandpassTable, other: BandpassTable, share: number): InterpolatedGains {
  const { antennaCount, channelCount, polarizationCount } = base;
  const cells = channelCount * polarizationCount;
  const counts = { interpolated: 0, oneSided: 0, turned: 0 };
  for (let cell = 0; cell < cells; cell += 1) {
    const [cos, sin] = turnBetween(base, other, cell);
    for (let antenna = 0; antenna < antennaCount; antenna += 1) {
      const at = antenna * cells + cell;
      const kind = mergeCell(base, other, at, { share, cos, sin });
      if (kind !== undefined) counts[kind] += 1;
      base.snr[at] = snrOf(base, at);
    }
  }
  const all = Math.max(1, counts.interpolated + counts.oneSided + counts.turned);
  return {
    table: { ...base, timeMjd: base.timeMjd + share * (other.timeMjd - base.timeMjd) },
    report: {
      interpolatedFraction: counts.interpolated / all,
      oneSidedFraction: counts.oneSided / all,
      turnedFraction: counts.turned / all,
    },
  };
}

/** Cosine and sine of the angle that turns the other's gains of a cell onto the base's. */
function turnBetween(base: BandpassTable, other: BandpassTable, cell: number): [number, number] {
  const cells = base.channelCount * base.polarizationCount;
  let [sumRe, sumIm] = [0, 0];
  for (let antenna = 0; antenna < base.antennaCount; antenna += 1) {
    const at = antenna * cells + cell;
    if (base.flags[at] !== 0 || other.flags[at] !== 0) continue;
    const [re, im] = timesConjugate(base.gains, other.gains, at);
    const size = Math.hypot(re, im);
    // Each antenna counts alike: a loud one must not decide.
    if (!(size > 0) || size === Infinity) continue;
    sumRe += re / size;
    sumIm += im / size;
  }
  const size = Math.hypot(sumRe, sumIm);
  return size > 0 ? [sumRe / size, sumIm / size] : [1, 0];
}

interface Turn {
  readonly share: number;
  readonly cos: number;
  readonly sin: number;
}

function mergeCell(
  base: BandpassTable,
  other: BandpassTable,
  at: number,
  turn: Turn,
): "interpolated" | "oneSided" | "turned" | undefined {
  const isMissing = [base.flags[at] !== 0, other.flags[at] !== 0];
  if (isMissing[0] && isMissing[1]) return undefined;
  if (isMissing[1]) return "oneSided";
  const [re, im] = turned(other.gains, at, turn);
  if (isMissing[0]) {
    base.gains.set([re, im], 2 * at);
    base.error[at] = other.error[at]!;
    base.flags[at] = 0;
    return "oneSided";
  }
  const [baseRe, baseIm] = [base.gains[2 * at]!, base.gains[2 * at + 1]!];
  const dot = baseRe * re + baseIm * im;
  // Beyond a quarter turn nobody knows which way round it went.
  if (!(dot > 0)) return "turned";
  const angle = turn.share * Math.atan2(baseRe * im - baseIm * re, dot);
  const size = Math.hypot(baseRe, baseIm);
  const scale = 1 + turn.share * (Math.hypot(re, im) / size - 1);
  const [cos, sin] = [scale * Math.cos(angle), scale * Math.sin(angle)];
  base.gains.set([baseRe * cos - baseIm * sin, baseRe * sin + baseIm * cos], 2 * at);
  base.error[at] = Math.hypot((1 - turn.share) * base.error[at]!, turn.share * other.error[at]!);
  return "interpolated";
}

function turned(gains: Float32Array, at: number, { cos, sin }: Turn): [number, number] {
  const [re, im] = [gains[2 * at]!, gains[2 * at + 1]!];
  return [re * cos - im * sin, re * sin + im * cos];
}

/** a · conj(b). */
function timesConjugate(a: Float32Array, b: Float32Array, at: number): [number, number] {
  const [aRe, aIm] = [a[2 * at]!, a[2 * at + 1]!];
  const [bRe, bIm] = [b[2 * at]!, b[2 * at + 1]!];
  return [aRe * bRe + aIm * bIm, aIm * bRe - aRe * bIm];
}

function snrOf({ gains, error, flags }: BandpassTable, at: number): number {
  if (flags[at] !== 0 || !(error[at]! > 0)) return 0;
  return Math.hypot(gains[2 * at]!, gains[2 * at + 1]!) / error[at]!;
}
