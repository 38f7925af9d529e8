/**
 * Brings files and registry together after a crash: finishes renames that were registered, removes
 * stage folders whose attempt is over, and reports what only a person can judge.
 *
 * Safe beside running workers, at any time, from several processes at once.
 */
import { readdir, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";

import type pg from "pg";

import { PipelineError } from "./errors.ts";
import { isAlive } from "@contimg/absurd/process-tree";
import { type Area, AREAS, QUARANTINE_FOLDER, stageFoldersOf } from "./products/paths.ts";
import { exists } from "./products/place.ts";
import { finishPublication } from "./products/registry.ts";
import { fenceOfRun, makerOfJob, processOfRun } from "./products/run-id.ts";

export interface ReconcileReport {
  /** Registered products that this call renamed into place. */
  readonly finished: readonly string[];
  readonly removedStageFolders: readonly string[];
  /** Published products whose file is gone. */
  readonly missingFiles: readonly string[];
  /** Files and folders below the areas that no product names. */
  readonly strayFiles: readonly string[];
}

/** All paths in the report are relative to the data root. */
export async function reconcile(pool: pg.Pool, dataRoot: string): Promise<ReconcileReport> {
  // In this order: a stage folder may hold the files of a product that still has to move.
  const { finished, lost } = await finishAll(pool, dataRoot);
  const removedStageFolders = await removeDeadStageFolders(pool, dataRoot);
  const { rows } = await pool.query<{ final_path: string; published: boolean }>(
    `select final_path, published_at is not null as published
       from contimg.products where superseded_at is null`,
  );
  const missing = await filterAsync(
    rows.filter((row) => row.published),
    async (row) => !(await exists(join(dataRoot, row.final_path))),
  );
  return {
    finished,
    removedStageFolders,
    missingFiles: [...lost, ...missing.map((row) => row.final_path)],
    strayFiles: await findStrays(dataRoot, new Set(rows.map((row) => row.final_path))),
  };
}

async function finishAll(
  pool: pg.Pool,
  dataRoot: string,
): Promise<{ finished: string[]; lost: string[] }> {
  const { rows } = await pool.query<{ product_id: string; final_path: string }>(
    `select product_id, final_path from contimg.products
      where superseded_at is null and published_at is null`,
  );
  const finished: string[] = [];
  const lost: string[] = [];
  for (const row of rows) {
    try {
      await finishPublication(pool, dataRoot, row.product_id);
      finished.push(row.final_path);
    } catch (error) {
      if (!(error instanceof PipelineError && error.tag === "MissingProduct")) throw error;
      lost.push(row.final_path);
    }
  }
  return { finished, lost };
}

async function removeDeadStageFolders(pool: pg.Pool, dataRoot: string): Promise<string[]> {
  const dead = await deadStageFolders(pool, dataRoot);
  for (const folder of dead) {
    await rm(join(dataRoot, folder), { recursive: true, force: true, maxRetries: 3 });
  }
  return dead;
}

/** Stage folders of attempts that are over, and from which nothing has to be moved any more. */
export async function deadStageFolders(pool: pg.Pool, dataRoot: string): Promise<string[]> {
  const dead: string[] = [];
  for (const area of AREAS) {
    for (const name of await namesIn(join(dataRoot, stageFoldersOf(area)))) {
      const folder = `${stageFoldersOf(area)}/${name}`;
      if (await isDead(pool, name, folder)) dead.push(folder);
    }
  }
  return dead;
}

async function isDead(pool: pg.Pool, name: string, folder: string): Promise<boolean> {
  const fence = fenceOfRun(name);
  if (fence !== undefined) {
    return !(await holdsLease(pool, fence)) && !(await isAwaited(pool, folder));
  }
  const hand = processOfRun(name);
  if (hand) {
    if (hand.host !== hostname()) return false;
    return !isAlive(hand) && !(await isAwaited(pool, folder));
  }
  const maker = makerOfJob(name);
  if (maker !== undefined) {
    const process = processOfRun(maker);
    return process ? isDead(pool, maker, folder) : hasEnded(pool, maker);
  }
  // The earlier version of a product whose publication was finished above.
  const replaced = /^replaced-(?<productId>[0-9a-f-]{36})$/.exec(name)?.groups?.["productId"];
  return replaced !== undefined && (await isPublished(pool, replaced));
}

/** A job goes on without a lease, until its task has ended. */
async function hasEnded(pool: pg.Pool, taskId: string): Promise<boolean> {
  const { rows } = await pool.query<{ status: string }>(
    "select status from absurd.tasks where task_id::text = $1",
    [taskId],
  );
  return rows.every(({ status }) => ["completed", "failed", "cancelled"].includes(status));
}

async function holdsLease(pool: pg.Pool, fence: string): Promise<boolean> {
  const { rows } = await pool.query<{ held: boolean }>("select contimg.fence_holds($1) as held", [
    fence,
  ]);
  return rows[0]?.held ?? false;
}

/** True when a registered product is still to be moved out of the folder. */
async function isAwaited(pool: pg.Pool, folder: string): Promise<boolean> {
  const { rows } = await pool.query(
    `select from contimg.products
      where superseded_at is null and published_at is null and starts_with(stage_path, $1)`,
    [`${folder}/`],
  );
  return rows.length > 0;
}

async function isPublished(pool: pg.Pool, productId: string): Promise<boolean> {
  const { rows } = await pool.query(
    `select from contimg.products where product_id = $1 and published_at is null
        and superseded_at is null`,
    [productId],
  );
  return rows.length === 0;
}

/**
 * Walks the areas down to products. A folder is entered when its path leads to products that are
 * laid out by paths.ts: a role or a day.
 */
async function findStrays(dataRoot: string, known: ReadonlySet<string>): Promise<string[]> {
  const strays: string[] = [];
  const walk = async (folder: string): Promise<void> => {
    for (const name of await namesIn(join(dataRoot, folder))) {
      const path = `${folder}/${name}`;
      if (known.has(path) || name === ".stage" || name === QUARANTINE_FOLDER) continue;
      if (/^(science|calibrators|\d{4}-\d\d-\d\d)$/.test(name)) await walk(path);
      else strays.push(path);
    }
  };
  for (const area of AREAS satisfies readonly Area[]) await walk(area);
  return strays;
}

async function namesIn(folder: string): Promise<string[]> {
  return (await exists(folder)) ? (await readdir(folder)).sort() : [];
}

async function filterAsync<Item>(
  items: readonly Item[],
  keep: (item: Item) => Promise<boolean>,
): Promise<Item[]> {
  const kept: Item[] = [];
  for (const item of items) if (await keep(item)) kept.push(item);
  return kept;
}
