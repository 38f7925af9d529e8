/** Solved gains against those that the simulator injected (`<group>.gains.h5`). */
import { type BandpassTable, readBandpassTable } from "@contimg/casacore";
import { openHdf5 } from "@contimg/formats";

export interface TrueGains {
  /** [antenna, channel, polarization] complex, with the drift at the middle of the tile. */
  readonly gains: Float64Array;
  /** Index of each in the Measurement Set. */
  readonly antennas: number[];
}

export interface GainComparison {
  /** Rms of the complex error over the rms gain, over unflagged solutions. */
  readonly rmsError: number;
  /** Mean amplitude over the true one. */
  readonly scale: number;
}

export function compareWithTrueGains(tablePath: string, gainsPath: string): GainComparison {
  return compareGains(readBandpassTable(tablePath), readTrueGains(gainsPath));
}

/** The one phase a channel and polarization that no data can tell is the solution's. */
export function compareGains(table: BandpassTable, truth: TrueGains): GainComparison {
  const cells = table.channelCount * 2;
  const sums = { error: 0, power: 0, amplitude: 0, trueAmplitude: 0 };
  for (let cell = 0; cell < cells; cell += 1) {
    const rows = truth.antennas
      .map((antenna, index) => ({ at: antenna * cells + cell, from: index * cells + cell }))
      .filter(({ at }) => table.flags[at] === 0);
    const turn = phaseBetween(rows, table.gains, truth.gains);
    for (const { at, from } of rows) {
      const [re, im] = turned(truth.gains, from, turn);
      sums.error += (table.gains[2 * at]! - re) ** 2 + (table.gains[2 * at + 1]! - im) ** 2;
      sums.power += re ** 2 + im ** 2;
      sums.amplitude += Math.hypot(table.gains[2 * at]!, table.gains[2 * at + 1]!);
      sums.trueAmplitude += Math.hypot(re, im);
    }
  }
  return {
    rmsError: Math.sqrt(sums.error / sums.power),
    scale: sums.amplitude / sums.trueAmplitude,
  };
}

export function readTrueGains(gainsPath: string): TrueGains {
  const file = openHdf5(gainsPath);
  const { shape } = file.describe("gains");
  const count = shape.reduce((all, length) => all * length, 1);
  const constant = new Float32Array(2 * count);
  file.readSlab("gains", [0, 0, 0], shape, constant);
  const drift = file.readNumbers("drift_rad");
  const antennas = Array.from(file.readNumbers("antenna_number"));
  file.close();
  const [antennaCount = 0, channelCount = 0] = shape;
  const timeCount = drift.length / antennaCount / 2;
  const gains = Float64Array.from(constant);
  for (let cell = 0; cell < count; cell += 1) {
    const receiver = 2 * Math.floor(cell / (2 * channelCount)) + (cell % 2);
    let angle = 0;
    for (let time = 0; time < timeCount; time += 1)
      angle += drift[time * antennaCount * 2 + receiver]! / timeCount;
    gains.set(turned(constant, cell, angle), 2 * cell);
  }
  return { gains, antennas };
}

function turned(gains: ArrayLike<number>, cell: number, angleRad: number): [number, number] {
  const [re, im] = [gains[2 * cell]!, gains[2 * cell + 1]!];
  const [cos, sin] = [Math.cos(angleRad), Math.sin(angleRad)];
  return [re * cos - im * sin, im * cos + re * sin];
}

/** From truth to solution, over the antennas of one channel: no data can tell it. */
function phaseBetween(
  rows: readonly { at: number; from: number }[],
  solved: Float32Array,
  truth: Float64Array,
): number {
  let re = 0;
  let im = 0;
  for (const { at, from } of rows) {
    re += solved[2 * at]! * truth[2 * from]! + solved[2 * at + 1]! * truth[2 * from + 1]!;
    im += solved[2 * at + 1]! * truth[2 * from]! - solved[2 * at]! * truth[2 * from + 1]!;
  }
  return Math.atan2(im, re);
}
