/** Commands that go on until a person presses Ctrl-C. */
import { setTimeout as sleep } from "node:timers/promises";

/** @param work is given the signal, and a pause that ends early with it */
export async function interruptible(
  work: (signal: AbortSignal, pause: (ms: number) => Promise<void>) => Promise<void>,
): Promise<void> {
  const ended = new AbortController();
  const end = (): void => {
    ended.abort();
  };
  process.once("SIGINT", end).once("SIGTERM", end);
  const pause = async (ms: number): Promise<void> => {
    await sleep(ms, undefined, { signal: ended.signal }).catch(() => undefined);
  };
  try {
    await work(ended.signal, pause);
  } finally {
    process.off("SIGINT", end).off("SIGTERM", end);
  }
}
