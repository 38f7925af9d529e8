/** The engine beside a model of it, under random calls in random order. */
import fc from "fast-check";
import { test } from "vitest";

import { freshDatabase, sqlWorker } from "@contimg/testkit";

import { ModelledEngine } from "./testing/modelled-engine.ts";

const { emptyEngine } = sqlWorker;
const database = freshDatabase();

const call = fc.record({
  verb: fc.constantFrom(
    ...["spawn", "spawn", "claim", "claim", "complete", "fail", "cancel", "retry"],
    ...["release", "recover", "tick", "rollUp"],
  ),
  pick: fc.nat({ max: 1000 }),
  errorClass: fc.constantFrom("retryable", "recoverable", "recoverable", "fatal", "validation"),
});

test("random calls leave every task where a model of the engine has it", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(call, { minLength: 10, maxLength: 40 }), async (calls) => {
      const { db, worker } = await emptyEngine(database, {});
      const engine = new ModelledEngine(db, worker);
      for (const each of calls) {
        await engine.step(each);
        await engine.check();
      }
      await engine.checkStats();
      await engine.drain();
      await db.end();
    }),
    { numRuns: 30, interruptAfterTimeLimit: 45_000 },
  );
});
