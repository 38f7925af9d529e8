import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { isCasacoreAvailable, openTable } from "@contimg/casacore";
import { isHdf5Available } from "@contimg/formats";
import { writeKnownGainsSet, writePointSourceGroup } from "@contimg/testkit";
import { describe, test } from "vitest";

import { runByHand } from "../run-by-hand.ts";
import { STAGES } from "../stages.ts";
import { stageOf } from "../execute-stage.ts";
import { pipelineDatabase } from "../testing/pipeline-database.ts";
import { THOROUGH_STRATEGY } from "../tools/aoflagger.ts";

const GROUP_ID = "2026-01-25T22:26:05";
const PATH = `ms/science/2026-01-25/${GROUP_ID}.ms`;
const ANTENNAS = 12;
const CHANNELS = 64;
const TIMES = 24;

const aoflaggerExists =
  isCasacoreAvailable() &&
  isHdf5Available() &&
  spawnSync("aoflagger", ["--version"], { env: { ...process.env, OPENBLAS_NUM_THREADS: "1" } })
    .status === 0;

const database = pipelineDatabase();

test("our strategy never normalizes subbands, which would divide by the calibrator", () => {
  const code = readFileSync(THOROUGH_STRATEGY, "utf8").replaceAll(/--\[\[[\s\S]*?\]\]--|--.*/g, "");
  assert.doesNotMatch(code, /normalize_subbands/);
  assert.match(code, /base_threshold = 1\.2\b/);
});

describe.skipIf(!aoflaggerExists)("the stage flag-thorough (needs aoflagger)", () => {
  test("adds what a faint burst of many channels is, and takes no flag away", async () => {
    const dataRoot = await mkdtemp(join(tmpdir(), "thorough-"));
    try {
      writeSet(join(dataRoot, PATH));
      const before = flagsOf(join(dataRoot, PATH));
      const { paths, quality } = await runByHand(
        stageOf(STAGES, "flag-thorough"),
        { group_id: GROUP_ID },
        { dataRoot, threadCount: 2 },
      );
      const after = flagsOf(join(dataRoot, PATH));
      assert.equal(paths[0], join(dataRoot, PATH));
      assert.ok(before.every((flag, at) => flag === 0 || after[at] === 1));
      // The burst is 1,584 visibilities; what else is added must not be much of 239,616.
      assert.ok(sum(after) - sum(before) < 0.015 * before.length, `${sum(after) - sum(before)}`);
      assert.equal(quality.verdict, "pass");
      assert.ok(burstFraction(after) > 0.9, `${burstFraction(after)}`);
    } finally {
      await rm(dataRoot, { recursive: true });
    }
  });

  test("takes the place of the converted set in the registry, which is its input", async () => {
    const dataRoot = await mkdtemp(join(tmpdir(), "thorough-"));
    const pool = database.pool();
    try {
      const input_paths = writePointSourceGroup({
        folder: join(dataRoot, "incoming"),
        groupId: GROUP_ID,
        sources: [{ raRad: 5.99, decRad: 0.951, fluxJy: 1 }],
        subbandCount: 2,
      });
      const options = { dataRoot, pool, threadCount: 2 };
      const convert = { group_id: GROUP_ID, input_paths, expected_subbands: 2 };
      await runByHand(stageOf(STAGES, "convert-uvh5-to-ms"), convert, options);
      await runByHand(stageOf(STAGES, "flag-thorough"), { group_id: GROUP_ID }, options);

      const { rows } = await pool.query<Record<string, unknown>>(
        `select p.kind, p.task_name, p.published_at is not null as is_published,
                q.task_name as made_from
           from contimg.products p
           join contimg.product_inputs i using (product_id)
           left join contimg.products q on q.product_id = i.input_product_id
          where p.superseded_at is null and p.kind = 'measurement-set'
            and i.input_path like 'ms/%'`,
      );
      assert.deepEqual(rows, [
        {
          kind: "measurement-set",
          task_name: "flag-thorough",
          is_published: true,
          made_from: "convert-uvh5-to-ms",
        },
      ]);
    } finally {
      await rm(dataRoot, { recursive: true });
    }
  });

  test("says where a strategy fails, and leaves the set as it was", async () => {
    const dataRoot = await mkdtemp(join(tmpdir(), "thorough-"));
    try {
      writeSet(join(dataRoot, PATH));
      const before = flagsOf(join(dataRoot, PATH));
      const strategy_path = join(dataRoot, "mine.lua");
      writeFileSync(strategy_path, "function execute(input)\n  aoflagger.no_such(input)\nend\n");
      await assert.rejects(
        runByHand(
          stageOf(STAGES, "flag-thorough"),
          { group_id: GROUP_ID, strategy_path },
          { dataRoot, threadCount: 1 },
        ),
        { tag: "ToolFailed", message: /mine\.lua:2: attempt to call a nil value/ },
      );
      assert.deepEqual(flagsOf(join(dataRoot, PATH)), before);
      assert.deepEqual(readdirSync(join(dataRoot, "ms/.stage")), []);
    } finally {
      await rm(dataRoot, { recursive: true });
    }
  });
});

/** A source of 3 σ, and a burst of 2.5 σ in a fifth of the channels on every baseline. */
function writeSet(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeKnownGainsSet(path, {
    antennaCount: ANTENNAS,
    channelCount: CHANNELS,
    integrationCount: TIMES,
    fluxJy: 3,
    noise: 1,
    interference: Array.from({ length: 12 }, (_, channel) => ({
      channel: 20 + channel,
      integration: 9,
      amplitude: 6,
    })),
  });
  using table = openTable(path, { writable: true });
  const flags = flagsOfTable(table);
  for (let at = 0; at < flags.length; at += 101) flags[at] = 1;
  table.putArray("FLAG", 0, table.rowCount, flags);
}

function flagsOf(path: string): Uint8Array {
  using table = openTable(path);
  return flagsOfTable(table);
}

function flagsOfTable(table: ReturnType<typeof openTable>): Uint8Array {
  return table.getArray("FLAG", 0, table.rowCount, new Uint8Array(table.rowCount * CHANNELS * 2));
}

function sum(flags: Uint8Array): number {
  return flags.reduce((total, flag) => total + flag, 0);
}

/** Of the cross-correlations in the burst. */
function burstFraction(flags: Uint8Array): number {
  const rowCount = (ANTENNAS * (ANTENNAS + 1)) / 2;
  let [flagged, count] = [0, 0];
  for (let p = 0, row = 0; p < ANTENNAS; p += 1)
    for (let q = p; q < ANTENNAS; q += 1, row += 1)
      for (let cell = 2 * 20; cell < 2 * 32 && p !== q; cell += 1, count += 1)
        flagged += flags[(9 * rowCount + row) * 2 * CHANNELS + cell]!;
  return flagged / count;
}
