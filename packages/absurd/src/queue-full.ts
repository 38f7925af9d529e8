/** Waiting, if the caller asked for it, until a full queue takes what is spawned. */
import { InvalidParams, QueueFull } from "./errors.ts";
import { pause } from "./pause.ts";

export interface FullQueueScope {
  /** What to do when a queue has as many ready tasks as it takes. Default: refuse (QueueFull). */
  readonly whenFull?: "refuse" | "wait" | undefined;
  /** How long to wait before the last QueueFull is thrown. Default: for ever. */
  readonly waitSeconds?: number | undefined;
  /** Ends the wait with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Calls `spawn` until no queue is full. Waits as long as the queue says, spread so that waiting
 * producers do not all come back at once.
 * @throws {InvalidParams} for a wait inside a caller's transaction, which the refusal has ended
 */
export async function waitWhileFull<T>(
  scope: FullQueueScope & { readonly on?: unknown },
  spawn: () => Promise<T>,
): Promise<T> {
  if (scope.whenFull !== "wait") return await spawn();
  if (scope.on !== undefined) {
    throw new InvalidParams(
      'whenFull is "wait", expected "refuse" with on: a transaction cannot go on after a refusal',
    );
  }
  const endMs = performance.now() + (scope.waitSeconds ?? Infinity) * 1000;
  while (true) {
    scope.signal?.throwIfAborted();
    try {
      return await spawn();
    } catch (error) {
      const leftMs = endMs - performance.now();
      if (!(error instanceof QueueFull) || leftMs <= 0) throw error;
      const waitMs = error.retryAfterSeconds * 1000 * (0.75 + 0.5 * Math.random());
      await pause(Math.min(waitMs, leftMs, 5_000), scope.signal);
    }
  }
}
