/** Counts what a conversion has read: flags, signal by file, and whether nsamples ever differ. */
import type { BlockFacts } from "./band-reader.ts";
import type { SubbandTally } from "./signal.ts";

export class ConversionTally {
  /** By the order of the files. */
  readonly subbands: readonly SubbandTally[];
  flaggedCount = 0;
  /** Largest |re| or |im| of all. */
  visAbsMax = 0;
  /** nsamples were not one number, apart from blocks of zeros, which are flags instead. */
  samplesDiffer = false;
  #nsamples: number | undefined;

  constructor(fileCount: number) {
    this.subbands = Array.from({ length: fileCount }, () => ({
      hasSignal: false,
      isWhollyFlagged: true,
      flaggedCount: 0,
      sampleCount: 0,
    }));
  }

  /** @param blocks of one integration, by the order of the files */
  add(blocks: readonly BlockFacts[]): void {
    for (const [index, block] of blocks.entries()) {
      const subband = this.subbands[index]!;
      this.visAbsMax = Math.max(this.visAbsMax, block.visAbsMax);
      subband.hasSignal ||= block.visAbsMax > 0;
      subband.isWhollyFlagged &&= block.flaggedCount === block.sampleCount;
      subband.flaggedCount += block.flaggedCount;
      subband.sampleCount += block.sampleCount;
      this.flaggedCount += block.flaggedCount;
      this.samplesDiffer ||= this.#hasOtherSamples(block);
    }
  }

  #hasOtherSamples({ nsamplesMin, nsamplesMax }: BlockFacts): boolean {
    if (nsamplesMin !== nsamplesMax) return true;
    if (nsamplesMax === 0) return false;
    this.#nsamples ??= nsamplesMax;
    return nsamplesMax !== this.#nsamples;
  }
}
