/** What the solving thread gets and answers. */
import type {
  BandpassArrays,
  BandpassOptions,
  BaselineAntennas,
  BaselineRows,
  ChannelRange,
  GainMatrices,
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
  /** Channels that are summed for gains in time. */
  readonly blockChannels: number;
  /** In shared memory, this thread's own: [interval][solved polarization]. */
  readonly intervals: readonly (readonly GainMatrices[])[];
}

export type SolveMessage =
  | {
      readonly kind: "accumulate";
      readonly slabIndex: 0 | 1;
      readonly rowCount: number;
      readonly rows: BaselineRows;
      readonly sources: PointSources;
    }
  /** What was accumulated since the last of these is an interval. */
  | { readonly kind: "end-interval" }
  | {
      readonly kind: "solve";
      readonly antennaIsUsed: Uint8Array;
      readonly options: BandpassOptions;
    }
  /** Fills the setup's intervals, from the solutions. */
  | { readonly kind: "intervals" };

/** Visibilities that went into the sums; 0 for anything but `accumulate`. */
export interface SolveReply {
  readonly usedCount: number;
}
