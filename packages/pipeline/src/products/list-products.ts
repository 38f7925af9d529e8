/** Reading the product registry for people: the current products, newest group first. */
import type pg from "pg";

import type { Json } from "../stage.ts";

export interface ProductFilter {
  readonly kind?: string | undefined;
  readonly groupId?: string | undefined;
  readonly limit?: number | undefined;
}

export interface ProductRow {
  readonly productId: string;
  readonly kind: string;
  readonly groupId: string;
  /** Relative to the data root. */
  readonly finalPath: string;
  readonly sizeBytes: number;
  readonly taskName: string;
  readonly taskId: string | null;
  /** The verdict of its quality gate, or what a person decided: released, rejected. */
  readonly grade: string | null;
  readonly metadata: Json;
  readonly registeredAt: Date;
  /** Null while its file is not yet in place. */
  readonly publishedAt: Date | null;
}

interface Row {
  product_id: string;
  kind: string;
  group_id: string;
  final_path: string;
  size_bytes: string;
  task_name: string;
  task_id: string | null;
  grade: string | null;
  metadata: Json;
  registered_at: Date;
  published_at: Date | null;
}

const PRODUCTS_MAX = 1000;

export async function listProducts(pool: pg.Pool, filter: ProductFilter): Promise<ProductRow[]> {
  const { rows } = await pool.query<Row>(
    `select p.product_id, p.kind, p.group_id, p.final_path, p.size_bytes, p.task_name, p.task_id,
            coalesce(c.state, q.grade) as grade, p.metadata, p.registered_at, p.published_at
       from contimg.products p
       left join contimg.quality_verdicts q
              on q.group_id = p.group_id and q.task_name = p.task_name and q.fence = p.fence
       left join contimg.quality_cases c on c.fence = p.fence
      where p.superseded_at is null
        and ($1::text is null or p.kind = $1)
        and ($2::text is null or p.group_id = $2)
      order by p.group_id desc, p.registered_at, p.ordinal
      limit $3`,
    [filter.kind ?? null, filter.groupId ?? null, filter.limit ?? PRODUCTS_MAX],
  );
  return rows.map((row) => ({
    productId: row.product_id,
    kind: row.kind,
    groupId: row.group_id,
    finalPath: row.final_path,
    sizeBytes: Number(row.size_bytes),
    taskName: row.task_name,
    taskId: row.task_id,
    grade: row.grade,
    metadata: row.metadata,
    registeredAt: row.registered_at,
    publishedAt: row.published_at,
  }));
}
