/**
 * Random histories under faults, against what the engine promises. HISTORY_SEED=n replays the one
 * of that seed; SOAK_MINUTES=n plays new ones for so long (make soak).
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { canMountDisks } from "@contimg/testkit";
import { afterAll, beforeAll, test } from "vitest";

import { play } from "./play.ts";
import { of } from "./record.ts";
import { Server } from "./stage.ts";

const MS = Number(process.env["HISTORY_MS"] ?? 6_000);
const SOAK_MS = Number(process.env["SOAK_MINUTES"] ?? 0) * 60_000;
const GIVEN = process.env["HISTORY_SEED"];
const CI_SEEDS = [1, 2, 3];

let server: Server;

beforeAll(async () => {
  server = await Server.start();
});

afterAll(async () => {
  await server.stop();
});

let refusedCount = 0;
let termCount = 0;
let fullDiskCount = 0;
const HAS_DISKS = canMountDisks();

async function playOrFail(seed: number): Promise<string> {
  const { events, final, violations } = await play(server, seed, { ms: MS });
  const faults = Map.groupBy(of(events, "fault"), (event) => event.name);
  const summary =
    `seed ${seed}: ${final.tasks.length} tasks, ${final.effects.length} effects, ` +
    `${of(events, "refused").length} stale effects refused, ${final.terms} terms; ` +
    [...faults].map(([name, all]) => `${all.length} ${name}`).join(", ") +
    (HAS_DISKS ? "" : "; no full disk: this process may not mount a small one");
  if (violations.length > 0) {
    const path = join(tmpdir(), `history-${seed}.json`);
    writeFileSync(path, JSON.stringify({ events, final, violations }, undefined, 1));
    assert.fail(
      `${violations.slice(0, 20).join("\n")}\n${summary}\nThe history is in ${path}. Replay: ` +
        `HISTORY_SEED=${seed} HISTORY_MS=${MS} scripts/test.sh tests/histories/histories`,
    );
  }
  refusedCount += of(events, "refused").length;
  termCount += final.terms;
  fullDiskCount += faults.get("full disk")?.length ?? 0;
  assert.ok(final.tasks.length > 20, `little happened: ${summary}`);
  process.stdout.write(`${summary}\n`);
  return summary;
}

const seeds = GIVEN === undefined ? CI_SEEDS : [Number(GIVEN)];

for (const seed of seeds) {
  test(`the history of seed ${seed} is as promised`, { timeout: 180_000 }, async () => {
    await playOrFail(seed);
  });
}

test.runIf(GIVEN === undefined)("those histories had stale writers to refuse", () => {
  assert.ok(refusedCount > 0, "no attempt tried to write past its lease: the faults are too mild");
});

test.runIf(GIVEN === undefined)("in those histories the lead passed on", () => {
  assert.ok(termCount > CI_SEEDS.length, `${termCount} terms of leaders in ${CI_SEEDS.length}`);
});

test.skipIf(!HAS_DISKS || GIVEN !== undefined)(
  "in those histories the spool's disk was full (needs root)",
  () => {
    assert.ok(fullDiskCount > 0, "no disk was ever full");
  },
);

test.runIf(SOAK_MS > 0)("a soak of new histories is as promised", { timeout: 0 }, async () => {
  const endMs = performance.now() + SOAK_MS;
  let seed = Number(GIVEN ?? Date.now() % 1_000_000_000);
  while (performance.now() < endMs) await playOrFail(++seed);
});
