/** What the applying thread gets and answers. */
import type {
  AntennaGains,
  AveragedSlab,
  CalibratedRows,
  ChannelRange,
  Receptors,
} from "@contimg/astro";

import type { SlabBuffers } from "./visibility-set.ts";

export interface ApplySetup {
  readonly range: ChannelRange;
  /** Channels averaged into one; the range begins and ends at whole groups. */
  readonly averagingFactor: number;
  readonly channelCount: number;
  readonly polarizationCount: number;
  readonly gains: AntennaGains;
  readonly receptors: Receptors;
  readonly slabs: readonly [SlabBuffers, SlabBuffers];
  /** In shared memory, one for each slab; each thread fills its channels. */
  readonly averaged: readonly [AveragedSlab, AveragedSlab];
}

export interface ApplyMessage {
  readonly slabIndex: 0 | 1;
  readonly rowCount: number;
  readonly rows: CalibratedRows;
}

/** Visibilities of the kept rows in the thread's channels, before averaging. */
export interface FlagCounts {
  readonly totalCount: number;
  /** Flagged in the data already. */
  readonly flaggedBeforeCount: number;
  /** Newly flagged: zero, not finite, or without a solution. */
  readonly unusableCount: number;
  /** Newly left out for their amplitude. */
  readonly clippedCount: number;
}
