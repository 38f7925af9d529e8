import assert from "node:assert/strict";

import { test } from "vitest";

import { WORKER_ROUTES } from "./worker.ts";

test("a worker's epoch is 64 bits as text; anything else is refused in words", () => {
  const refusalOf = (epoch: string): string | undefined =>
    WORKER_ROUTES.beatWorker.body.safeParse({ epoch }).error?.issues[0]?.message;
  for (const good of ["0", "-1", "9223372036854775807", "-9223372036854775808"])
    assert.equal(refusalOf(good), undefined, good);
  for (const bad of ["x?&%", "", "1.5", "007", "10000000000000000000"])
    assert.equal(refusalOf(bad), "expected a whole number as text", bad);
  assert.equal(refusalOf("9223372036854775808"), "expected 64 bits");
});
