/** Claims from many lanes, with and without hints, against a plain sort of all that waits. */
import assert from "node:assert/strict";

import fc from "fast-check";
import type pg from "pg";
import { describe, test } from "vitest";

import { freshDatabase, setClock, sqlWorker } from "@contimg/testkit";

const { emptyEngine, spawn, task } = sqlWorker;
const database = freshDatabase();

/** No two tasks of different minute and priority rank alike. */
const AGING_SECONDS = 59;

interface Wave {
  readonly minute: number;
  readonly priority: number;
  readonly kind: string;
  readonly count: number;
}

interface Claimed {
  readonly label: string;
  readonly lane: number;
  readonly seq: string;
}

function labelOf({ minute, priority, kind }: Wave): string {
  return `${kind} of minute ${minute}, priority ${priority}`;
}

async function spawnWaves(db: pg.Client, queue: string, waves: readonly Wave[]): Promise<void> {
  for (const wave of waves.toSorted((a, b) => a.minute - b.minute)) {
    await setClock(db, `2026-03-01T12:${String(wave.minute).padStart(2, "0")}:00Z`);
    const fields = {
      task_name: wave.kind,
      queue_name: queue,
      priority: wave.priority,
      params: { label: labelOf(wave) },
    };
    await spawn(
      db,
      Array.from({ length: wave.count }, () => task(fields)),
    );
  }
}

/** Claims all as a worker does that remembers, or forgets, how far it has read each lane. */
async function claimAll(
  db: pg.Client,
  worker: sqlWorker.SqlWorker,
  options: { queue: string; limit: number; remembers: boolean },
): Promise<string[]> {
  const next = new Map<number, bigint>();
  const labels: string[] = [];
  for (;;) {
    const { rows } = await db.query<Claimed>(
      `select params::json ->> 'label' as label, lane_id as lane, seq
         from absurd.claim($1, $2, array[$3], (select array_agg(kind_id) from absurd.kind),
                           $4, $5, $6, false)`,
      [
        worker.id,
        worker.epoch,
        options.queue,
        [...next.keys()],
        [...next.values()].map(String),
        options.limit,
      ],
    );
    if (rows.length === 0) return labels;
    labels.push(...rows.map(({ label }) => label));
    if (!options.remembers) continue;
    for (const { lane, seq } of rows) {
      const after = BigInt(seq) + 1n;
      if (after > (next.get(lane) ?? 0n)) next.set(lane, after);
    }
  }
}

/** The labels of each claim, sorted: the rows of one claim come in no promised order. */
function byClaim(labels: readonly string[], limit: number): string[][] {
  const claims: string[][] = [];
  for (let i = 0; i < labels.length; i += limit) claims.push(labels.slice(i, i + limit).toSorted());
  return claims;
}

const WAVES = fc.array(
  fc.record({
    minute: fc.integer({ min: 0, max: 59 }),
    priority: fc.integer({ min: -7, max: 8 }),
    kind: fc.constant("noop"),
    count: fc.integer({ min: 1, max: 40 }),
  }),
  { minLength: 1, maxLength: 20 },
);

describe("claims from many lanes", () => {
  test("take the first of all that waits, in up to 16 lanes of any sizes", async () => {
    const { db, worker } = await emptyEngine(database, {});
    let queueNo = 0;
    const cases = fc.tuple(
      WAVES,
      fc.constantFrom("strict", "aging"),
      fc.integer({ min: 1, max: 60 }),
      fc.boolean(),
    );
    await fc.assert(
      fc.asyncProperty(cases, async ([waves, mode, limit, remembers]) => {
        const queue = `order-${++queueNo}`;
        await db.query("select absurd.configure_queue($1, $2)", [
          queue,
          JSON.stringify({ priority_mode: mode, aging_seconds: AGING_SECONDS }),
        ]);
        await spawnWaves(db, queue, waves);
        const boost = mode === "strict" ? 1e9 : AGING_SECONDS;
        const rankOf = (wave: Wave): number => 60 * wave.minute - boost * wave.priority;
        const expected = waves
          .toSorted((a, b) => rankOf(a) - rankOf(b))
          .flatMap((wave) => Array.from({ length: wave.count }, () => labelOf(wave)));

        const labels = await claimAll(db, worker, { queue, limit, remembers });
        assert.deepEqual(byClaim(labels, limit), byClaim(expected, limit));
      }),
      { numRuns: 40 },
    );
  });

  test("take no task before those of a strictly higher priority, in 45 lanes", async () => {
    const { db, worker } = await emptyEngine(database, {});
    const kinds = Array.from({ length: 15 }, (_, i) => `kind-${i}`);
    await db.query("select absurd.register_kinds($1)", [
      JSON.stringify(kinds.map((kind) => ({ task_name: kind }))),
    ]);
    // The lower the older.
    const waves = [-1, 0, 1].flatMap((priority) =>
      kinds.map((kind) => ({ minute: 10 + priority, priority, kind, count: 7 })),
    );
    await spawnWaves(db, "many", waves);
    const labels = await claimAll(db, worker, { queue: "many", limit: 20, remembers: true });
    const expected = waves
      .toSorted((a, b) => b.priority - a.priority)
      .flatMap((wave) => Array.from({ length: wave.count }, () => wave.priority));
    const priorities = labels.map((label) => label.split(" ").at(-1)!);
    assert.deepEqual(byClaim(priorities, 20), byClaim(expected.map(String), 20));
  });
});
