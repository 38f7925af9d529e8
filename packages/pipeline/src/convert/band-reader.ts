/**
 * Reads a group integration by integration into bands: the subbands side by side, turned to the
 * phase center.
 *
 * Reading and turning are done on libuv's threads, a subband at a time, through a few blocks that
 * are used over and over: what was read is still in the processor's cache when it is turned, and
 * memory holds no integration twice.
 */
import { placeSubband } from "@contimg/formats";
import type {
  BandIntegration,
  IntegrationExtremes,
  SubbandBlock,
  SubbandLayout,
  Uvh5File,
} from "@contimg/formats";

import type { ConversionPlan } from "./conversion-plan.ts";
import { fillPhasors } from "./geometry.ts";

/** As many as libuv has threads. */
const BLOCK_COUNT = 4;

/** What one integration of one file held. */
export interface BlockFacts extends IntegrationExtremes {
  readonly flaggedCount: number;
  readonly sampleCount: number;
}

export class BandReader {
  readonly #plan: ConversionPlan;
  readonly #layouts: readonly SubbandLayout[];
  readonly #blocks: readonly SubbandBlock[];
  readonly #phasors: Float64Array;

  constructor(plan: ConversionPlan) {
    const { header } = plan.files[0]!;
    const itemCount = Math.max(...plan.files.map((file) => file.integrationItemCount));
    this.#plan = plan;
    this.#layouts = layoutsByFile(plan);
    this.#blocks = Array.from({ length: BLOCK_COUNT }, () => allocateBlock(itemCount));
    this.#phasors = new Float64Array(2 * header.antennaNames.length * plan.axis.frequencyHz.length);
  }

  /**
   * Fills a band with one integration. One call at a time; the band belongs to it until it settles.
   * @param pathM of each antenna, see geometry.ts
   * @returns by the order of the files
   * @throws what the files throw; no read is under way then
   */
  async fill(time: number, pathM: Float64Array, band: BandIntegration): Promise<BlockFacts[]> {
    fillPhasors(this.#phasors, pathM, this.#plan.axis.frequencyHz);
    const facts: BlockFacts[] = [];
    const waiting = this.#plan.files.entries();
    // Each block takes the next file as soon as it is free; they share the one iterator.
    const work = this.#blocks.map(async (block) => {
      for (const [index, file] of waiting) {
        facts[index] = await this.#place(time, index, viewOf(block, file), band);
      }
    });
    // All must settle first: a read that is under way still owns its arrays.
    await Promise.allSettled(work);
    await Promise.all(work);
    return facts;
  }

  async #place(
    time: number,
    index: number,
    block: SubbandBlock,
    band: BandIntegration,
  ): Promise<BlockFacts> {
    const { header } = this.#plan.files[0]!;
    const extremes = await this.#plan.files[index]!.readIntegrations(time, 1, block);
    const flaggedCount = await placeSubband(
      block,
      this.#layouts[index]!,
      {
        phasors: this.#phasors,
        antenna1: header.antenna1Index,
        antenna2: header.antenna2Index,
      },
      band,
    );
    return { ...extremes, flaggedCount, sampleCount: block.flags.length };
  }
}

function allocateBlock(itemCount: number): SubbandBlock {
  return {
    vis: new Float32Array(2 * itemCount),
    flags: new Uint8Array(itemCount),
    nsamples: new Float32Array(itemCount),
  };
}

/** A file may have fewer channels than another. */
function viewOf({ vis, flags, nsamples }: SubbandBlock, file: Uvh5File): SubbandBlock {
  const itemCount = file.integrationItemCount;
  return {
    vis: vis.subarray(0, 2 * itemCount),
    flags: flags.subarray(0, itemCount),
    nsamples: nsamples.subarray(0, itemCount),
  };
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
