/**
 * Threads that each own a range of channels: what one knows, no other needs, so they share nothing
 * but the slabs of visibilities. casacore stays in the main thread, which reads the next
 * integration while they work on the last.
 */
import { once } from "node:events";
import { Worker } from "node:worker_threads";

import type { ChannelRange, IntegrationSlab } from "@contimg/astro";

import type { Integration, SlabBuffers, VisibilitySet } from "./visibility-set.ts";

/**
 * Ranges of about equal length whose borders are multiples of `multiple`; fewer than asked for
 * when there is not enough to share.
 */
export function splitChannels(
  channelCount: number,
  workerCount: number,
  multiple: number,
): ChannelRange[] {
  const groupCount = Math.ceil(channelCount / multiple);
  const rangeCount = Math.min(workerCount, groupCount);
  return Array.from({ length: rangeCount }, (_, index) => ({
    first: Math.floor((groupCount * index) / rangeCount) * multiple,
    end: Math.min(channelCount, Math.floor((groupCount * (index + 1)) / rangeCount) * multiple),
  }));
}

/** Workers that answer each message with one reply, in order. */
export class ChannelWorkers<Message, Reply> implements AsyncDisposable {
  readonly #workers: readonly Worker[];

  /** @param setups what each worker gets as its workerData, one worker each */
  constructor(script: URL, setups: readonly unknown[]) {
    this.#workers = setups.map((workerData) => new Worker(script, { workerData }));
  }

  /** Sends a message to every worker; resolves when all have replied. */
  async ask(message: Message): Promise<Reply[]> {
    return Promise.all(
      this.#workers.map(async (worker) => {
        const reply = once(worker, "message");
        worker.postMessage(message);
        // The scripts of this folder post nothing but replies.
        const [value] = (await reply) as [Reply];
        return value;
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map(async (worker) => worker.terminate()));
  }
}

export interface StreamOptions {
  readonly signal: AbortSignal;
  progress(fraction: number): void;
}

/**
 * Reads integration after integration into two buffers in turn; while `handle` works on one, the
 * other is read. `handle` is not called again before its last call has ended.
 */
export async function streamIntegrations(
  set: VisibilitySet,
  slabs: readonly [SlabBuffers, SlabBuffers],
  handle: (slab: IntegrationSlab, slabIndex: 0 | 1, integration: Integration) => Promise<void>,
  options: StreamOptions,
): Promise<void> {
  let busy: Promise<void> = Promise.resolve();
  for (const [index, integration] of set.integrations.entries()) {
    options.signal.throwIfAborted();
    const slabIndex = index % 2 === 0 ? 0 : 1;
    const slab = await set.readInto(integration, slabs[slabIndex]);
    await busy;
    busy = handle(slab, slabIndex, integration);
    // Its failure is met at the await above or below; until then it must not count as unhandled.
    busy.catch(() => undefined);
    options.progress((index + 1) / set.integrations.length);
    // Lets the messages out before the next read blocks this thread.
    await new Promise(setImmediate);
  }
  await busy;
}
