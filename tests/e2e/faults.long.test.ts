/**
 * The chain from UVH5 files to fluxes through real worker processes and a real PostgreSQL, once in
 * peace and once with kill -9 of the server and of a worker: both must end with the same products.
 */
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type EmbeddedPostgres, startEmbeddedPostgres, type TaskView } from "@contimg/absurd";
import { isCasacoreAvailable } from "@contimg/casacore";
import { isHdf5Available } from "@contimg/formats";
import { audit, listProducts, migrateAll, photometryPath, reconcile } from "@contimg/pipeline";
import { until } from "@contimg/testkit";
import pg from "pg";
import { afterAll, beforeAll, describe, test } from "vitest";

import {
  type Chain,
  failures,
  leftovers,
  productFiles,
  readFluxes,
  type SimulatedPair,
  simulatePair,
  spawnPair,
  startWorkerProcess,
  type WorkerProcess,
} from "./chain.ts";

const CHAIN_MS_MAX = 240_000;
const canRun = isCasacoreAvailable() && isHdf5Available();
const folder = mkdtempSync(join(tmpdir(), "contimg-faults-"));
const workers: WorkerProcess[] = [];

describe.skipIf(!canRun)("the chain (needs casacore-dev, libhdf5-dev, wsclean)", () => {
  let server: EmbeddedPostgres;
  let pool: pg.Pool;
  let pair: SimulatedPair;

  beforeAll(async () => {
    pair = await simulatePair(join(folder, "simulated"));
  }, CHAIN_MS_MAX);

  afterAll(async () => {
    await Promise.all(workers.map((worker) => worker.kill("SIGKILL")));
    await pool.end();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function openDatabase(name: string): Promise<void> {
    server = await startEmbeddedPostgres({ dataFolder: join(folder, name) });
    pool = new pg.Pool({ connectionString: server.url, max: 4 });
    // The server is killed below; the next query connects anew.
    pool.on("error", () => undefined);
    await migrateAll(pool);
  }

  function startWorker(dataRoot: string): WorkerProcess {
    const worker = startWorkerProcess(server.url, dataRoot);
    workers.push(worker);
    return worker;
  }

  test(
    "ends with the same products after kill -9 of PostgreSQL and of the imaging worker",
    async () => {
      const peaceful = join(folder, "peaceful");
      await openDatabase("postgres-peaceful");
      const calm = await spawnPair(pool, pair, peaceful);
      startWorker(peaceful);
      startWorker(peaceful);
      assert.deepEqual(failures(await ended(calm)), []);
      await Promise.all(workers.map((worker) => worker.kill("SIGTERM")));
      await pool.end();
      await server.stop();

      const troubled = join(folder, "troubled");
      await openDatabase("postgres-troubled");
      const chain = await spawnPair(pool, pair, troubled);
      const [first, second] = [startWorker(troubled), startWorker(troubled)];
      await running(chain, "calibrator/calibration-solve");
      await server.kill();
      server = await startEmbeddedPostgres({ dataFolder: join(folder, "postgres-troubled") });
      const imaging = await running(chain, "science/imaging");
      const victim = first.name() === imaging.workerName ? first : second;
      await victim.kill("SIGKILL");
      startWorker(troubled);
      const tasks = await ended(chain);

      assert.deepEqual(failures(tasks), []);
      assert.equal(tasks.find((task) => task.taskName === "imaging")?.attempt, 2);
      assert.deepEqual(productFiles(troubled), productFiles(peaceful));
      const { missingFiles, strayFiles } = await reconcile(pool, troubled);
      assert.deepEqual({ missingFiles, strayFiles }, { missingFiles: [], strayFiles: [] });
      assert.deepEqual(leftovers(troubled), []);
      assert.deepEqual((await audit(pool, troubled, { deep: true })).findings, []);
      await assertRegistered(troubled);
      assertSameFluxes(troubled, peaceful);
    },
    2 * CHAIN_MS_MAX,
  );

  /** Waits until the stage is in its own process and reports progress. */
  function running(chain: Chain, name: string): Promise<TaskView> {
    return until(
      async () => {
        try {
          const task = await chain.client.show(chain.taskIds.get(name)!);
          assert.notEqual(task.status, "completed", `${name} ended before it could be disturbed`);
          return task.status === "claimed" && (await hasProgress(task.taskId)) ? task : undefined;
        } catch (error) {
          if (error instanceof assert.AssertionError) throw error;
          return undefined; // The server is just coming back.
        }
      },
      { what: `${name} never ran`, deadlineMs: CHAIN_MS_MAX },
    );
  }

  async function hasProgress(taskId: string): Promise<boolean> {
    const { rows } = await pool.query(
      "select from absurd.progress where task_id = absurd.task_number($1) and fraction > 0",
      [taskId],
    );
    return rows.length > 0;
  }

  function ended(chain: Chain): Promise<TaskView[]> {
    return chain.client.awaitTasks([...chain.taskIds.values()]);
  }

  async function assertRegistered(dataRoot: string): Promise<void> {
    const products = await listProducts(pool, {});
    const paths = products.map((product) => product.finalPath);
    assert.equal(new Set(paths).size, paths.length, "a product is registered twice");
    assert.deepEqual(
      products.filter((product) => product.publishedAt === null),
      [],
    );
    const files = new Set(productFiles(dataRoot));
    assert.deepEqual(
      paths.filter((path) => !files.has(path)),
      [],
    );
  }

  /** WSClean adds in the order its threads come, so the last digits may differ. */
  function assertSameFluxes(oneRoot: string, otherRoot: string): void {
    const path = photometryPath(pair.scienceId, "json");
    const [one, other] = [readFluxes(join(oneRoot, path)), readFluxes(join(otherRoot, path))];
    assert.deepEqual([...one.keys()], [...other.keys()]);
    assert.ok(one.size > 3, `only ${one.size} sources in the field`);
    for (const [name, fluxJy] of one) {
      const wanted = other.get(name)!;
      assert.ok(Math.abs(fluxJy - wanted) < 1e-4, `${name}: ${fluxJy} Jy, in peace ${wanted} Jy`);
    }
  }
});
