/** The rows that an audit compares with the disk. */
import type pg from "pg";

export interface CurrentProduct {
  readonly productId: string;
  readonly kind: string;
  readonly groupId: string;
  readonly finalPath: string;
  readonly stagePath: string;
  readonly sizeBytes: number;
  /** Null for products of before checksums. */
  readonly checksum: string | null;
  readonly isPublished: boolean;
}

export interface RegistryRows {
  readonly products: readonly CurrentProduct[];
  /** Paths of products that are not current, with the reason. */
  readonly formerPaths: ReadonlyMap<string, string>;
  /** Tables that were brought in by hand have a calibration row only. */
  readonly calibrationPaths: readonly string[];
}

interface Row {
  product_id: string;
  kind: string;
  group_id: string;
  final_path: string;
  stage_path: string;
  size_bytes: string;
  checksum: string | null;
  is_published: boolean;
}

export async function readRegistryRows(pool: pg.Pool): Promise<RegistryRows> {
  const current = await pool.query<Row>(
    `select product_id, kind, group_id, final_path, stage_path, size_bytes, checksum,
            published_at is not null as is_published
       from contimg.products where superseded_at is null order by final_path`,
  );
  const former = await pool.query<{ final_path: string; reason: string }>(
    `select final_path, coalesce(max(retired_as), 'superseded') as reason
       from contimg.products p
      where superseded_at is not null
        and not exists (select from contimg.products c
                         where c.final_path = p.final_path and c.superseded_at is null)
      group by final_path`,
  );
  const tables = await pool.query<{ table_path: string }>(
    "select table_path from contimg.calibrations",
  );
  return {
    products: current.rows.map((row) => ({
      productId: row.product_id,
      kind: row.kind,
      groupId: row.group_id,
      finalPath: row.final_path,
      stagePath: row.stage_path,
      sizeBytes: Number(row.size_bytes),
      checksum: row.checksum,
      isPublished: row.is_published,
    })),
    formerPaths: new Map(former.rows.map((row) => [row.final_path, row.reason])),
    calibrationPaths: tables.rows.map((row) => row.table_path),
  };
}
