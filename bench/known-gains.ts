/**
 * What it saves to apply gains inside the conversion: a science tile through both ways, in turn, on
 * this machine, publishing included.
 *
 *   node bench/known-gains.ts [--size small|full] [--pairs 5] [--json]
 *
 * A PostgreSQL of its own keeps the registry, which chooses the calibration. One pair in advance
 * warms caches and does not count.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { startEmbeddedPostgres } from "@contimg/absurd";
import {
  demoScenario,
  groupIdOf,
  migrateAll,
  runByHand,
  simulateGroup,
  stageOf,
  STAGES,
  type TileSize,
} from "@contimg/pipeline";
import pg from "pg";

const { values: flags } = parseArgs({
  options: {
    size: { type: "string", default: "small" },
    pairs: { type: "string", default: "5" },
    json: { type: "boolean", default: false },
  },
});
const THREAD_COUNT = 2;
const size: TileSize = flags.size === "full" ? "full" : "small";
const dataRoot = mkdtempSync(join(tmpdir(), "contimg-known-gains-"));
const server = await startEmbeddedPostgres({ dataFolder: join(dataRoot, "postgres") });
const pool = new pg.Pool({ connectionString: server.url });
// The server ends before the last socket does.
pool.on("error", () => undefined);
try {
  await migrateAll(pool);
  const { calibratorTile, scienceTiles } = demoScenario(size, 2);
  const calibrator = groupIdOf(calibratorTile);
  const science = groupIdOf(scienceTiles[0]!);
  for (const tile of [calibratorTile, scienceTiles[0]!])
    await simulateGroup({ ...tile, folder: join(dataRoot, "incoming"), threadCount: THREAD_COUNT });
  await seconds("convert-uvh5-to-ms", { group_id: calibrator, role: "calibrators" });
  await seconds("calibration-solve", { group_id: calibrator });
  const group_id = science;
  const two = async (): Promise<number> =>
    (await seconds("convert-uvh5-to-ms", { group_id })) +
    (await seconds("calibration-apply", { group_id }));
  const one = async (): Promise<number> =>
    (await seconds("convert-uvh5-to-ms", { group_id, gains: "when-known" })) +
    (await seconds("calibration-apply", { group_id }));
  const pairs: { two: number; one: number }[] = [];
  for (let pair = 0; pair <= Number(flags.pairs); pair += 1)
    pairs.push({ two: await two(), one: await one() });
  report(pairs.slice(1));
} finally {
  await pool.end();
  await server.stop();
  rmSync(dataRoot, { recursive: true, force: true });
}

/** Of a stage with its publishing. */
async function seconds(stage: string, params: object): Promise<number> {
  const startMs = performance.now();
  await runByHand(stageOf(STAGES, stage), params, { dataRoot, pool, threadCount: THREAD_COUNT });
  return (performance.now() - startMs) / 1000;
}

function report(pairs: readonly { two: number; one: number }[]): void {
  const line = {
    size,
    pairs: pairs.length,
    convertThenApplySeconds: median(pairs.map((pair) => pair.two)),
    onePassSeconds: median(pairs.map((pair) => pair.one)),
    ratio: median(pairs.map((pair) => pair.one / pair.two)),
  };
  if (flags.json) console.log(JSON.stringify(line));
  else console.table([line]);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return Math.round(1000 * sorted[sorted.length >> 1]!) / 1000;
}
