/**
 * The fast flagger: flags a tile while it streams past, integration by integration, and keeps a
 * byte of each visibility until the last has come, because only all times together show what stands
 * out. Then the flags can be had, integration by integration, and what they add up to.
 */
import { ChannelWorkers } from "../calibration/channel-workers.ts";
import { typicalPower } from "./amplitude-code.ts";
import { findDeadAntennas, flagOccupied } from "./decide.ts";
import { addCounts, createFlagCounts, type FlagCounts } from "./flag-counts.ts";
import type { FlagParams } from "./flag-params.ts";
import { addTally, createRowTally, type RowTally } from "./flag-rows.ts";
import {
  FlagShare,
  type ShareMessage,
  type ShareReply,
  type ShareSetup,
  type TileMemory,
} from "./flag-share.ts";
import { findInterference } from "./interference.ts";
import { allocateLevels } from "./levels.ts";
import { cellCount, type RowRange, tileCodeCount, type TileLayout } from "./tile-layout.ts";

/** Threads, or shares that are worked on in turn by this thread. */
interface Shares extends AsyncDisposable {
  ask(message: ShareMessage): Promise<ShareReply[]>;
}

export interface TileFlaggerOptions {
  /** Into so many parts the rows are divided. */
  readonly shareCount: number;
  /** With threads, the arrays given to the methods must be shared memory. */
  readonly inThreads: boolean;
}

/** What the tile's flags add up to. */
export interface TileFlags {
  readonly layout: TileLayout;
  readonly counts: FlagCounts;
  /** [antenna, polarization]. */
  readonly dead: Uint8Array;
}

export class TileFlagger implements AsyncDisposable {
  readonly #layout: TileLayout;
  readonly #params: FlagParams;
  readonly #memory: TileMemory;
  readonly #shares: Shares;
  #typicalPower: number | undefined;

  constructor(layout: TileLayout, params: FlagParams, options: TileFlaggerOptions) {
    this.#layout = layout;
    this.#params = params;
    this.#memory = allocateMemory(layout, options.inThreads);
    this.#shares = createShares(layout, params, this.#memory, options);
  }

  /**
   * Takes in one integration; each must come once, in any order. The arrays are the caller's again
   * when the promise settles.
   * @param vis [row, channel, polarization] complex
   * @param flags [row, channel, polarization]; not 0 is bad
   */
  async add(time: number, vis: Float32Array, flags: Uint8Array): Promise<void> {
    this.#typicalPower ??= typicalPower(vis, flags);
    // Until there is one, nothing is usable and any will do.
    const power = this.#typicalPower ?? 1;
    await this.#shares.ask({ kind: "encode", time, vis, flags, typicalPower: power });
  }

  /** Decides on all flags, when all integrations have been added. */
  async decide(): Promise<void> {
    const { cellFlags, levels, dead } = this.#memory;
    await this.#shares.ask({ kind: "levels" });
    findInterference(this.#layout, levels, this.#params, cellFlags);
    const tally = createRowTally(this.#layout);
    // Shares answer as they are asked: "rows" with tallies.
    for (const one of await this.#shares.ask({ kind: "rows" })) addTally(tally, one as RowTally);
    dead.set(findDeadAntennas(this.#layout, tally, this.#params));
    flagOccupied(this.#layout, tally, dead, this.#params.channel_occupancy_max, cellFlags);
  }

  /** Writes the flags of an integration, 0 or 1, and counts them; once for each. */
  async write(time: number, flags: Uint8Array): Promise<void> {
    await this.#shares.ask({ kind: "write", time, flags });
  }

  /** What the integrations that were written add up to. */
  async flags(): Promise<TileFlags> {
    const counts = createFlagCounts(this.#layout);
    // … and "counts" with counts.
    for (const one of await this.#shares.ask({ kind: "counts" }))
      addCounts(counts, one as FlagCounts);
    return { layout: this.#layout, counts, dead: this.#memory.dead.slice() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#shares[Symbol.asyncDispose]();
  }
}

function allocateMemory(layout: TileLayout, isShared: boolean): TileMemory {
  const bytes = (count: number): Uint8Array =>
    new Uint8Array(isShared ? new SharedArrayBuffer(count) : new ArrayBuffer(count));
  return {
    codes: bytes(tileCodeCount(layout)),
    levels: allocateLevels(layout, isShared),
    cellFlags: bytes(layout.timeCount * cellCount(layout)),
    dead: bytes(layout.antennaCount * layout.polarizationCount),
  };
}

function createShares(
  layout: TileLayout,
  params: FlagParams,
  memory: TileMemory,
  { shareCount, inThreads }: TileFlaggerOptions,
): Shares {
  const ranges = splitRows(layout.rowCount, shareCount);
  const setups = ranges.map((rows, index): ShareSetup => ({
    layout,
    params,
    memory,
    rows,
    index,
    count: ranges.length,
  }));
  if (inThreads)
    return new ChannelWorkers<ShareMessage, ShareReply>(
      new URL("./flag-worker.ts", import.meta.url),
      setups,
    );
  const shares = setups.map((setup) => new FlagShare(setup));
  return {
    ask: (message) => Promise.resolve(shares.map((share) => share.handle(message))),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function splitRows(rowCount: number, shareCount: number): RowRange[] {
  const count = Math.min(shareCount, rowCount);
  return Array.from({ length: count }, (_, index) => ({
    first: Math.floor((rowCount * index) / count),
    end: Math.floor((rowCount * (index + 1)) / count),
  }));
}
