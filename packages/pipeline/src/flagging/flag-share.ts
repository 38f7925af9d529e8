/**
 * One thread's share of flagging a tile: some rows, and some times. Shares see the same memory and
 * write apart, so the result is the same for any number of them.
 */
import { createCodeTable, createLimitTable, type CodeTable } from "./amplitude-code.ts";
import { createFlagCounts, type FlagCounts, type Verdicts, writeFlags } from "./flag-counts.ts";
import type { FlagParams } from "./flag-params.ts";
import { BASELINE_SCATTER_MIN, flagRows, type RowTally } from "./flag-rows.ts";
import { type Levels, measureLevels } from "./levels.ts";
import { encodeRows, type RowRange, type TileCodes, type TileLayout } from "./tile-layout.ts";

export interface TileMemory extends Verdicts {
  readonly codes: TileCodes;
  readonly levels: Levels;
}

/** What a share is given when it starts; with threads, its arrays are shared memory. */
export interface ShareSetup {
  readonly layout: TileLayout;
  readonly params: FlagParams;
  readonly memory: TileMemory;
  readonly rows: RowRange;
  /** It measures the levels of times index, index + count, … */
  readonly index: number;
  readonly count: number;
}

export type ShareMessage =
  | {
      readonly kind: "encode";
      readonly time: number;
      readonly vis: Float32Array;
      readonly flags: Uint8Array;
      /** |V|² of the tile's usual visibility. */
      readonly typicalPower: number;
    }
  | { readonly kind: "levels" | "rows" | "counts" }
  | { readonly kind: "write"; readonly time: number; readonly flags: Uint8Array };

export type ShareReply = RowTally | FlagCounts | null;

export class FlagShare {
  readonly #setup: ShareSetup;
  readonly #counts: FlagCounts;
  #table: { readonly typicalPower: number; readonly codes: CodeTable } | undefined;

  constructor(setup: ShareSetup) {
    this.#setup = setup;
    this.#counts = createFlagCounts(setup.layout);
  }

  handle(message: ShareMessage): ShareReply {
    const { layout, memory, params, rows } = this.#setup;
    switch (message.kind) {
      case "encode":
        encodeRows(layout, memory.codes, message.time, message, this.#tableOf(message), rows);
        return null;
      case "levels":
        this.#measureLevels();
        return null;
      case "rows":
        return flagRows({ layout, params, ...memory }, rows);
      case "write":
        writeFlags(layout, memory.codes, message.time, memory, rows, message.flags, this.#counts);
        return null;
      case "counts":
        return this.#counts;
    }
  }

  #tableOf({ typicalPower }: { readonly typicalPower: number }): CodeTable {
    if (this.#table?.typicalPower !== typicalPower) {
      const codes = createCodeTable(typicalPower, this.#setup.params.amplitude_max);
      this.#table = { typicalPower, codes };
    }
    return this.#table.codes;
  }

  #measureLevels(): void {
    const { layout, memory, params, index, count } = this.#setup;
    const limits = createLimitTable(params.amplitude_sigma, BASELINE_SCATTER_MIN);
    for (let time = index; time < layout.timeCount; time += count)
      measureLevels(layout, memory.codes, time, limits, memory.levels);
  }
}
