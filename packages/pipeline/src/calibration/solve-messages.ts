/** What the solving thread gets and answers. */
import type {
  BandpassArrays,
  BandpassOptions,
  BaselineAntennas,
  BaselineRows,
  ChannelRange,
  PointSources,
} from "@contimg/astro";

import type { SlabBuffers } from "./visibility-set.ts";

export interface SolveSetup {
  readonly range: ChannelRange;
  readonly frequencyHz: Float64Array;
  /** Of the data. */
  readonly polarizationCount: number;
  /** Indices of the parallel hands, which are solved. */
  readonly polarizations: readonly number[];
  readonly baselines: BaselineAntennas;
  readonly slabs: readonly [SlabBuffers, SlabBuffers];
  /** In shared memory; each thread fills its channels. */
  readonly solutions: BandpassArrays;
}

export type SolveMessage =
  | {
      readonly kind: "accumulate";
      readonly slabIndex: 0 | 1;
      readonly rowCount: number;
      readonly rows: BaselineRows;
      readonly sources: PointSources;
    }
  | {
      readonly kind: "solve";
      readonly antennaIsUsed: Uint8Array;
      readonly options: BandpassOptions;
    };

/** Visibilities that went into the sums; 0 for a solve. */
export interface SolveReply {
  readonly usedCount: number;
}
