/**
 * Whether the random histories would find an engine that is broken: each mutation is played until a
 * promise is seen broken. MUTATIONS=1 plays them (make soak does), MUTATIONS=text those so named.
 */
import assert from "node:assert/strict";

import { freshDatabase } from "@contimg/testkit";
import { afterAll, beforeAll, describe, test } from "vitest";

import { MUTATIONS, mutate } from "./mutations.ts";
import { play } from "./play.ts";
import { Server } from "./stage.ts";

const GIVEN = process.env["MUTATIONS"];
const SEEDS = [1, 2, 3, 4];
const MS = 6_000;
/** Longer than any history of a whole engine needs, which the control below holds to it. */
const DRAIN_MS = 40_000;

const database = freshDatabase();

test("each mutation changes one place of the engine", async () => {
  const db = await database.connect();
  for (const mutation of MUTATIONS) {
    await db.query("begin");
    await mutate(db, mutation);
    await db.query("rollback");
  }
});

describe.runIf(GIVEN !== undefined)("the histories find an engine that", () => {
  let server: Server;
  beforeAll(async () => {
    server = await Server.start();
  });
  afterAll(async () => {
    await server.stop();
  });

  // Else a machine that is too slow would look like an engine that is broken.
  test("is whole: nothing", { timeout: 600_000 }, async () => {
    for (const seed of SEEDS) {
      const { violations } = await play(server, seed, { ms: MS, drainMs: DRAIN_MS });
      assert.deepEqual(violations, [], `seed ${seed}`);
    }
  });

  for (const mutation of MUTATIONS) {
    if (GIVEN !== "1" && !mutation.name.includes(GIVEN ?? "")) continue;
    test(mutation.name, { timeout: 600_000 }, async () => {
      for (const seed of SEEDS) {
        const prepare = (db: Parameters<typeof mutate>[0]): Promise<void> => mutate(db, mutation);
        const { violations } = await play(server, seed, { ms: MS, drainMs: DRAIN_MS, prepare });
        if (violations.length === 0) continue;
        const found = `${violations.length} violations, seed ${seed}: ${violations[0]!}`;
        process.stdout.write(`${mutation.name}: ${found}\n`);
        return;
      }
      assert.fail(`no history of the seeds ${SEEDS.join(", ")} shows it`);
    });
  }
});
