import assert from "node:assert/strict";

import fc from "fast-check";
import { test } from "vitest";

import { nextReason, nextSuspect } from "./scan-bytes.ts";

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

/** Mostly what nobody looks for, so that whole words are passed over. */
const rare = (length: number) =>
  fc.array(
    fc.oneof({ weight: 20, arbitrary: fc.constant(100) }, fc.integer({ min: 0, max: 255 })),
    {
      minLength: length,
      maxLength: length,
    },
  );

test("looking at four bytes at a time finds what looking at each finds", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 40 }).chain((length) => fc.tuple(rare(length), bytes(length))),
      fc.integer({ min: 0, max: 4 }),
      ([values, random], offset) => {
        const codes = new Uint8Array(offset + values.length).subarray(offset);
        codes.set(values);
        const allowed = random.map((limit, at) => (at % 3 === 0 ? limit : 255));
        assert.deepEqual(
          placesOf(codes.length, (start) => nextReason(codes, start)),
          values.flatMap((code, at) => (code < 16 ? [at] : [])),
        );
        assert.deepEqual(
          placesOf(codes.length, (start) => nextSuspect(codes, allowed, start)),
          values.flatMap((code, at) => (code < 16 || code > allowed[at]! ? [at] : [])),
        );
      },
    ),
    { numRuns: 500 },
  );
});

function placesOf(length: number, next: (start: number) => number): number[] {
  const places: number[] = [];
  for (let at = next(0); at < length; at = next(at + 1)) places.push(at);
  return places;
}
