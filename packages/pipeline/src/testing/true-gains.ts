/** The gains that a simulated tile was made with, and how far solved ones are from them. */
import type { BandpassTable } from "@contimg/casacore";
import { openHdf5 } from "@contimg/formats";

export interface TrueGains {
  /** [antenna, channel, polarization] complex, with the drift in the middle of the tile. */
  readonly gains: Float64Array;
  /** Of each antenna its index in the Measurement Set. */
  readonly antennas: readonly number[];
}

/** @param path a simulated group's `.gains.h5` */
export function readTrueGains(path: string): TrueGains {
  const file = openHdf5(path);
  const { shape } = file.describe("gains");
  const [antennaCount = 0, channelCount = 0] = shape;
  const count = antennaCount * channelCount * 2;
  const constant = new Float32Array(2 * count);
  file.readSlab("gains", [0, 0, 0], shape, constant);
  const drift = file.readNumbers("drift_rad");
  const antennas = Array.from(file.readNumbers("antenna_number"));
  file.close();
  const timeCount = drift.length / antennaCount / 2;
  const gains = new Float64Array(2 * count);
  for (let cell = 0; cell < count; cell += 1) {
    const receiver = 2 * Math.floor(cell / (2 * channelCount)) + (cell % 2);
    let angle = 0;
    for (let time = 0; time < timeCount; time += 1)
      angle += drift[time * antennaCount * 2 + receiver]! / timeCount;
    const [re, im] = [constant[2 * cell]!, constant[2 * cell + 1]!];
    gains[2 * cell] = re * Math.cos(angle) - im * Math.sin(angle);
    gains[2 * cell + 1] = re * Math.sin(angle) + im * Math.cos(angle);
  }
  return { gains, antennas };
}

/**
 * Relative rms error of the gains, after the one phase a channel and polarization that no data can
 * tell.
 */
export function rmsGainError(table: BandpassTable, truth: TrueGains): number {
  const cells = table.channelCount * 2;
  const sums = { error: 0, power: 0 };
  for (let cell = 0; cell < cells; cell += 1) {
    const rows = truth.antennas
      .map((antenna, index) => ({ at: antenna * cells + cell, from: index * cells + cell }))
      .filter(({ at }) => table.flags[at] === 0);
    const [cos, sin] = turnOnto(rows, table.gains, truth.gains);
    for (const { at, from } of rows) {
      const [re, im] = [truth.gains[2 * from]!, truth.gains[2 * from + 1]!];
      const [wantedRe, wantedIm] = [re * cos - im * sin, re * sin + im * cos];
      sums.error += (table.gains[2 * at]! - wantedRe) ** 2;
      sums.error += (table.gains[2 * at + 1]! - wantedIm) ** 2;
      sums.power += re ** 2 + im ** 2;
    }
  }
  return Math.sqrt(sums.error / sums.power);
}

function turnOnto(
  rows: readonly { readonly at: number; readonly from: number }[],
  solved: Float32Array,
  truth: Float64Array,
): [number, number] {
  let [re, im] = [0, 0];
  for (const { at, from } of rows) {
    re += solved[2 * at]! * truth[2 * from]! + solved[2 * at + 1]! * truth[2 * from + 1]!;
    im += solved[2 * at + 1]! * truth[2 * from]! - solved[2 * at]! * truth[2 * from + 1]!;
  }
  const size = Math.hypot(re, im);
  return [re / size, im / size];
}
