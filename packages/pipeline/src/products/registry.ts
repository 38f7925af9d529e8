/**
 * The product registry on PostgreSQL: where the current products of a group are.
 *
 * A product that is registered but not yet renamed is renamed by whoever looks for it first, so a
 * path that `find` returns always exists.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";

import type pg from "pg";

import { PipelineError } from "../errors.ts";
import { chooseCalibration, type Tile } from "../registry/choose.ts";
import type { CalibrationDecision } from "../registry/decision.ts";
import type { CalibrationPolicy } from "../registry/policy.ts";
import type { ProductKind, ProductLookup } from "../stage.ts";
import { place } from "./place.ts";
import { inTransaction } from "./transaction.ts";

/** A process that stops in the middle of a rename must not hold its row for ever. */
const RENAME_SECONDS_MAX = 30;

/** One input of a run, for lineage. */
export interface RunInput {
  /** Relative to the data root. */
  readonly path: string;
  readonly productId: string | null;
}

export class ProductRegistry implements ProductLookup {
  readonly dataRoot: string;
  /** What was found since this object was made: the lineage of the run it was made for. */
  readonly found: RunInput[] = [];
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool, dataRoot: string) {
    this.#pool = pool;
    this.dataRoot = dataRoot;
  }

  async find(kind: ProductKind, groupId: string): Promise<string> {
    const product = await this.#current("group_id = $1 and kind = $2 and ordinal = 0", [
      groupId,
      kind,
    ]);
    if (!product) {
      throw new PipelineError("MissingProduct", `group ${groupId} has no ${kind} yet`, {
        groupId,
        kind,
      });
    }
    return this.#use(product);
  }

  async findCalibration(tile: Tile, policy: CalibrationPolicy): Promise<CalibrationDecision> {
    const open = (tablePath: string): Promise<string> => this.openTable(tablePath);
    const decision = await chooseCalibration(this.#pool, tile, policy, open);
    for (const { table_path } of decision.tables) {
      const product = await this.#current("final_path = $1", [table_path]);
      this.found.push({ path: table_path, productId: product?.product_id ?? null });
    }
    return decision;
  }

  /** Where a registered table lies; one that was brought in by hand has a calibration row only. */
  async openTable(tablePath: string): Promise<string> {
    const product = await this.#current("final_path = $1", [tablePath]);
    return product ? this.#ready(product) : join(this.dataRoot, tablePath);
  }

  async #current(condition: string, values: unknown[]): Promise<CurrentRow | undefined> {
    const { rows } = await this.#pool.query<CurrentRow>(
      `select product_id, final_path, published_at
         from contimg.products
        where superseded_at is null and ${condition}`,
      values,
    );
    return rows[0];
  }

  async #use(product: CurrentRow): Promise<string> {
    const path = await this.#ready(product);
    this.found.push({ path: product.final_path, productId: product.product_id });
    return path;
  }

  async #ready(product: CurrentRow): Promise<string> {
    if (product.published_at === null) {
      await finishPublication(this.#pool, this.dataRoot, product.product_id);
    }
    return join(this.dataRoot, product.final_path);
  }
}

interface CurrentRow {
  product_id: string;
  final_path: string;
  published_at: Date | null;
}

/**
 * Renames a registered product into place and marks it published; nothing happens when that is
 * done already or when a later run has superseded it. Any process may call it at any time.
 *
 * @throws {PipelineError} MissingProduct when the file is nowhere
 */
export async function finishPublication(
  pool: pg.Pool,
  dataRoot: string,
  productId: string,
): Promise<void> {
  const leftOver = await inTransaction(pool, async (client) => {
    await client.query(`set local idle_in_transaction_session_timeout = '${RENAME_SECONDS_MAX}s'`);
    const { rows } = await client.query<{ stage_path: string; final_path: string }>(
      "select stage_path, final_path from contimg.lock_unpublished($1)",
      [productId],
    );
    const row = rows[0];
    if (!row) return undefined;
    const aside = await place(dataRoot, {
      productId,
      stagePath: row.stage_path,
      finalPath: row.final_path,
    });
    await client.query("select contimg.mark_published($1)", [productId]);
    return aside;
  });
  if (leftOver !== undefined) await rm(leftOver, { recursive: true, force: true });
}
