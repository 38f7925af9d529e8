/**
 * Reads a group integration by integration, one ahead of its user: while one is being rotated and
 * written, the next is read on other threads into the second of two sets of arrays.
 */
import type { IntegrationExtremes, Uvh5File } from "@contimg/formats";

import type { SubbandBlock } from "./subband-kernels.ts";

/** A block that was read, with what the reader found in it. */
export interface FilledBlock extends SubbandBlock {
  readonly extremes: IntegrationExtremes;
}

export class SubbandReader {
  readonly #files: readonly Uvh5File[];
  readonly #timeCount: number;
  readonly #sets: readonly (readonly SubbandBlock[])[];
  #ahead: { time: number; read: Promise<readonly FilledBlock[]> } | undefined;

  constructor(files: readonly Uvh5File[]) {
    this.#files = files;
    this.#timeCount = files[0]?.header.timeCount ?? 0;
    this.#sets = [0, 1].map(() => files.map(allocateBlock));
  }

  /**
   * The blocks of one integration, one a file, in the order of the files. They are the caller's
   * until its next call. Times must be asked for in ascending order.
   * @throws what the files throw; no read is under way then
   */
  async read(time: number): Promise<readonly FilledBlock[]> {
    const current = this.#ahead?.time === time ? this.#ahead.read : this.#start(time);
    this.#ahead = undefined;
    const blocks = await current;
    if (time + 1 < this.#timeCount) {
      const read = this.#start(time + 1);
      // Whoever asks for it next sees the failure; until then it is no unhandled rejection.
      read.catch(() => undefined);
      this.#ahead = { time: time + 1, read };
    }
    return blocks;
  }

  /** Waits for the read under way, so that files may be closed. */
  async settle(): Promise<void> {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    await ahead?.read.catch(() => undefined);
  }

  async #start(time: number): Promise<readonly FilledBlock[]> {
    const blocks = this.#sets[time % 2]!;
    const reads = this.#files.map(async (file, index) => {
      const block = blocks[index]!;
      return { ...block, extremes: await file.readIntegrations(time, 1, block) };
    });
    // All must settle first: a read that is under way still owns its arrays.
    await Promise.allSettled(reads);
    return Promise.all(reads);
  }
}

function allocateBlock(file: Uvh5File): SubbandBlock {
  const itemCount = file.integrationItemCount;
  return {
    vis: new Float32Array(2 * itemCount),
    flags: new Uint8Array(itemCount),
    nsamples: new Float32Array(itemCount),
  };
}
