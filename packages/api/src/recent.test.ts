/** How often a shared value is read, and what those who ask meanwhile get. */
import assert from "node:assert/strict";

import { afterEach, beforeEach, describe, test, vi } from "vitest";

import { Recent } from "./recent.ts";

describe("a recent value", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["performance"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("is read once for all who ask, and anew when it is old", async () => {
    const { value, reads } = counted(100);
    assert.deepEqual(await Promise.all([value.get(), value.get()]), [1, 1]);
    vi.advanceTimersByTime(99);
    assert.equal(await value.get(), 1);
    vi.advanceTimersByTime(1);
    assert.equal(await value.get(), 2);
    assert.equal(reads.count, 2);
  });

  test("is given as it was while it is read anew, unless that is too old", async () => {
    const { value, reads } = counted(100, 1_000);
    await value.get();
    vi.advanceTimersByTime(999);
    assert.deepEqual([await value.get(), reads.count], [1, 2]);
    assert.equal(await value.get(), 2);
    vi.advanceTimersByTime(1_000);
    assert.equal(await value.get(), 3);
  });

  test("is not kept when it could not be read", async () => {
    const { value, reads } = counted(100, 1_000);
    reads.error = new Error("away");
    await assert.rejects(value.get(), /away/);
    reads.error = undefined;
    assert.equal(await value.get(), 2);
  });
});

function counted(maxAgeMs: number, staleAgeMs?: number) {
  const reads: { count: number; error: Error | undefined } = { count: 0, error: undefined };
  const read = (): Promise<number> => {
    reads.count += 1;
    return reads.error ? Promise.reject(reads.error) : Promise.resolve(reads.count);
  };
  return { value: new Recent(maxAgeMs, read, staleAgeMs), reads };
}
