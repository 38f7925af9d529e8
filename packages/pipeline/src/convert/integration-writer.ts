/**
 * Turns one integration's subband blocks into rows of the Measurement Set.
 */
import { putIntegration } from "@contimg/casacore";
import type { Table } from "@contimg/casacore";

import type { ConversionPlan } from "./conversion-plan.ts";
import { fillPhasors, integrationGeometry } from "./geometry.ts";
import type { SubbandTally } from "./signal.ts";
import { placeFlags, placeWeights, rotateVis } from "./subband-kernels.ts";
import type { BandIntegration, SubbandLayout } from "./subband-kernels.ts";
import type { FilledBlock } from "./subband-reader.ts";

/** What went into a Measurement Set. */
export interface IntegrationTally {
  /** By the order of the files. */
  readonly subbands: SubbandTally[];
  readonly hasWeightSpectrum: boolean;
  flaggedCount: number;
}

export class IntegrationWriter {
  readonly tally: IntegrationTally;
  /** Set when nsamples differ and this Measurement Set has no column for them. */
  needsWeights = false;
  readonly #plan: ConversionPlan;
  readonly #table: Table;
  readonly #layouts: readonly SubbandLayout[];
  readonly #band: BandIntegration;
  readonly #phasors: Float64Array;
  #nsamples: number | undefined;

  constructor(plan: ConversionPlan, table: Table, hasWeightSpectrum: boolean) {
    const { header } = plan.files[0]!;
    const channelCount = plan.axis.frequencyHz.length;
    const sampleCount = header.baselineCount * channelCount * header.polarizationCount;
    this.#plan = plan;
    this.#table = table;
    this.#layouts = layoutsByFile(plan);
    this.#band = {
      vis: new Float32Array(2 * sampleCount),
      flags: new Uint8Array(sampleCount),
      weights: new Float32Array(hasWeightSpectrum ? sampleCount : 0),
    };
    this.#phasors = new Float64Array(2 * header.antennaNames.length * channelCount);
    this.tally = {
      subbands: plan.files.map(() => ({ hasSignal: false, isWhollyFlagged: true })),
      hasWeightSpectrum,
      flaggedCount: 0,
    };
  }

  /**
   * Appends the rows of one integration.
   * @param blocks in the order of the files
   * @returns false, having written nothing, when weights are needed that have no column
   */
  write(time: number, blocks: readonly FilledBlock[]): boolean {
    if (!this.tally.hasWeightSpectrum && blocks.some((block) => this.#hasOtherSamples(block))) {
      this.needsWeights = true;
      return false;
    }
    const { files, axis, geometry } = this.#plan;
    const { header } = files[0]!;
    const { uvwM, pathM } = integrationGeometry(header, geometry, time);
    fillPhasors(this.#phasors, pathM, axis.frequencyHz);
    this.#band.flags.fill(0);
    for (const [index, block] of blocks.entries()) this.#placeBlock(index, block);
    const startRow = time * header.baselineCount;
    this.#table.addRows(header.baselineCount);
    putIntegration(this.#table, startRow, {
      timeMjd: header.timesMjd[time]!,
      intervalSeconds: header.integrationSeconds[time]!,
      antenna1: header.antenna1Index,
      antenna2: header.antenna2Index,
      uvwM: baselineUvw(uvwM, header.antenna1Index, header.antenna2Index),
    });
    this.#putData(startRow, header.baselineCount);
    return true;
  }

  /** Whether nsamples are anything but the one number that all before were; 0 is a flag instead. */
  #hasOtherSamples({ extremes }: FilledBlock): boolean {
    const { nsamplesMin, nsamplesMax } = extremes;
    if (nsamplesMin !== nsamplesMax) return true;
    if (nsamplesMax === 0) return false;
    this.#nsamples ??= nsamplesMax;
    return nsamplesMax !== this.#nsamples;
  }

  #placeBlock(index: number, block: FilledBlock): void {
    const { header } = this.#plan.files[0]!;
    const layout = this.#layouts[index]!;
    const subband = this.tally.subbands[index]!;
    const antennas = { antenna1: header.antenna1Index, antenna2: header.antenna2Index };
    rotateVis(block, layout, { phasors: this.#phasors, ...antennas }, this.#band);
    if (this.tally.hasWeightSpectrum) placeWeights(block, layout, this.#band);
    subband.hasSignal ||= block.extremes.visAbsMax > 0;
    // The band starts unflagged, and most blocks have nothing to add.
    const isClean = block.extremes.nsamplesMin > 0 && !hasFlag(block.flags);
    const flaggedCount = isClean ? 0 : placeFlags(block, layout, this.#band);
    subband.isWhollyFlagged &&= flaggedCount === block.flags.length;
    this.tally.flaggedCount += flaggedCount;
  }

  #putData(startRow: number, rowCount: number): void {
    this.#table.putArray("DATA", startRow, rowCount, this.#band.vis);
    this.#table.putArray("FLAG", startRow, rowCount, this.#band.flags);
    if (!this.tally.hasWeightSpectrum) return;
    this.#table.putArray("WEIGHT_SPECTRUM", startRow, rowCount, this.#band.weights);
  }
}

function layoutsByFile({ files, axis, polarizations }: ConversionPlan): SubbandLayout[] {
  const layouts = new Map(
    axis.places.map(({ fileIndex, ...place }) => [
      fileIndex,
      {
        ...place,
        baselineCount: files[0]!.header.baselineCount,
        bandChannelCount: axis.frequencyHz.length,
        polarizationSource: polarizations.sourceIndex,
      },
    ]),
  );
  return files.map((_, fileIndex) => layouts.get(fileIndex)!);
}

/** A Buffer's search is fifty times as fast as a typed array's. */
function hasFlag(flags: Uint8Array): boolean {
  return Buffer.from(flags.buffer, flags.byteOffset, flags.byteLength).includes(1);
}

/** UVW of the Measurement Set: position(1) − position(2), opposite to UVH5. */
function baselineUvw(
  antennaUvwM: Float64Array,
  antenna1: Int32Array,
  antenna2: Int32Array,
): Float64Array {
  const uvwM = new Float64Array(3 * antenna1.length);
  for (let baseline = 0; baseline < antenna1.length; baseline += 1) {
    const from = 3 * antenna1[baseline]!;
    const to = 3 * antenna2[baseline]!;
    for (let k = 0; k < 3; k += 1) {
      uvwM[3 * baseline + k] = antennaUvwM[from + k]! - antennaUvwM[to + k]!;
    }
  }
  return uvwM;
}
