/**
 * Housekeeping: finishes what crashes left, removes what is over, puts files where they belong.
 *
 * The row goes first, then the file: a crash between leaves a file that no row names, which the
 * next housekeeping removes. A dry run only looks.
 */
import { join } from "node:path";

import type pg from "pg";

import { AREAS, QUARANTINE_FOLDER, SCRATCH_FOLDERS } from "../products/paths.ts";
import type { ProductKind } from "../stage.ts";
import { deadStageFolders, reconcile } from "../reconcile.ts";
import { entriesIn, findUnnamed } from "./disk-walk.ts";
import { type Move, moveProduct, readMoves } from "./organise.ts";
import { readRegistryRows } from "./product-rows.ts";
import { measure, type Removal, Remover } from "./remover.ts";
import {
  chooseRemovals,
  type KeptEdge,
  type KeptProduct,
  type RetentionPolicy,
} from "./retention.ts";

export interface HousekeepingReport {
  readonly dryRun: boolean;
  readonly removed: readonly Removal[];
  readonly moved: readonly Move[];
  readonly spared: readonly { readonly path: string; readonly reason: string }[];
  readonly bytes: number;
  readonly files: number;
  readonly folders: number;
}

export interface HousekeepingOptions {
  readonly policy: RetentionPolicy;
  readonly dryRun?: boolean;
  readonly now?: Date;
}

const HOUR_MS = 3_600_000;
/** A stage that ran in none of them is estimated by its function again. */
const RUNS_KEPT_DAYS = 90;

export async function housekeep(
  pool: pg.Pool,
  dataRoot: string,
  options: HousekeepingOptions,
): Promise<HousekeepingReport> {
  const { policy, dryRun = false, now = new Date() } = options;
  const remover = new Remover(dataRoot, dryRun);
  for (const folder of await deadStageFolders(pool, dataRoot)) {
    await remover.weigh(folder, "stage-folder");
  }
  if (!dryRun) await reconcile(pool, dataRoot);
  for (const path of await leftOvers(pool, dataRoot)) await remover.remove(path, "left-over");
  const { remove, spared } = await chooseFrom(pool, policy, now);
  const sparedPaths = spared.map((each) => ({
    path: each.product.finalPath,
    reason: each.reason,
  }));
  for (const product of remove) {
    if (dryRun || (await expire(pool, product))) {
      await remover.remove(product.finalPath, "product");
    } else {
      const reason = "it was replaced or a task of its group began meanwhile";
      sparedPaths.push({ path: product.finalPath, reason });
    }
  }
  for (const path of await staleScratch(dataRoot, policy, now))
    await remover.remove(path, "scratch");
  for (const path of await oldQuarantine(dataRoot, policy, now)) {
    await remover.remove(path, "quarantine");
  }
  for (const path of await expiredRawFiles(pool, policy, now)) {
    await remover.remove(path, "raw-file");
  }
  const moved = await organise(pool, dataRoot, dryRun);
  if (!dryRun) {
    const before = new Date(now.getTime() - RUNS_KEPT_DAYS * 24 * HOUR_MS);
    await pool.query("select contimg.forget_stage_runs($1)", [before]);
  }
  return { dryRun, ...remover.report(), moved, spared: sparedPaths };
}

async function expire(pool: pg.Pool, product: KeptProduct): Promise<boolean> {
  const { rows } = await pool.query<{ expired: boolean }>(
    "select contimg.expire_product($1) as expired",
    [product.productId],
  );
  return rows[0]?.expired ?? false;
}

async function organise(pool: pg.Pool, dataRoot: string, dryRun: boolean): Promise<Move[]> {
  const planned = await readMoves(pool);
  if (dryRun) return planned;
  const moved: Move[] = [];
  for (const move of planned) if (await moveProduct(pool, dataRoot, move)) moved.push(move);
  return moved;
}

async function chooseFrom(pool: pg.Pool, policy: RetentionPolicy, now: Date) {
  const products = await pool.query<ProductRow>(
    `select product_id, kind, group_id, final_path, size_bytes, registered_at,
            superseded_at is null as is_current, published_at is not null as is_published
       from contimg.products order by final_path`,
  );
  const edges = await pool.query<{ product_id: string; input_product_id: string }>(
    `select product_id, input_product_id from contimg.product_inputs
      where input_product_id is not null`,
  );
  const busy = await pool.query<{ group_id: string }>(
    "select busy as group_id from contimg.busy_groups() as busy",
  );
  const busyGroups = new Set(busy.rows.map((row) => row.group_id));
  return chooseRemovals(products.rows.map(toKept), edges.rows.map(toEdge), policy, {
    now,
    busyGroups,
  });
}

interface ProductRow {
  product_id: string;
  kind: ProductKind;
  group_id: string;
  final_path: string;
  size_bytes: string;
  registered_at: Date;
  is_current: boolean;
  is_published: boolean;
}

function toKept(row: ProductRow): KeptProduct {
  return {
    productId: row.product_id,
    kind: row.kind,
    groupId: row.group_id,
    finalPath: row.final_path,
    sizeBytes: Number(row.size_bytes),
    registeredAt: row.registered_at,
    isCurrent: row.is_current,
    isPublished: row.is_published,
  };
}

function toEdge(row: { product_id: string; input_product_id: string }): KeptEdge {
  return { productId: row.product_id, inputProductId: row.input_product_id };
}

/** Files of products that were taken off, which a crash kept from being removed. */
async function leftOvers(pool: pg.Pool, dataRoot: string): Promise<string[]> {
  const rows = await readRegistryRows(pool);
  return (await findUnnamed(dataRoot, rows))
    .filter(({ kind, path }) => kind === "left-over" && rows.formerPaths.get(path) === "expired")
    .map(({ path }) => path);
}

/** Raw files of groups that were converted long ago, by a policy that says so. */
async function expiredRawFiles(
  pool: pg.Pool,
  { raw_days: days }: RetentionPolicy,
  now: Date,
): Promise<string[]> {
  if (days === null) return [];
  const { rows } = await pool.query<{ path: string }>(
    "select path from contimg.expired_raw_files($1, $2) as path",
    [now, days],
  );
  return rows.map(({ path }) => path);
}

async function staleScratch(
  dataRoot: string,
  policy: RetentionPolicy,
  now: Date,
): Promise<string[]> {
  const stale: string[] = [];
  for (const folder of SCRATCH_FOLDERS) {
    for (const { name } of await entriesIn(join(dataRoot, folder))) {
      const path = `${folder}/${name}`;
      const { newestMs } = await measure(join(dataRoot, path));
      if (now.getTime() - newestMs > policy.scratch_hours * HOUR_MS) stale.push(path);
    }
  }
  return stale;
}

async function oldQuarantine(
  dataRoot: string,
  { quarantine_days: days }: RetentionPolicy,
  now: Date,
): Promise<string[]> {
  if (days === null) return [];
  const limit = new Date(now.getTime() - days * 24 * HOUR_MS).toISOString().replaceAll(":", "");
  const old: string[] = [];
  for (const top of [...AREAS, "incoming"]) {
    const folder = `${top}/${QUARANTINE_FOLDER}`;
    const names = (await entriesIn(join(dataRoot, folder))).map((entry) => entry.name);
    old.push(...names.filter((name) => name < limit).map((name) => `${folder}/${name}`));
  }
  return old;
}
