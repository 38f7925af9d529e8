/** Rows that contradict each other, or name what is not there. */
import { join } from "node:path";

import type pg from "pg";

import { exists } from "../products/place.ts";
import { type Finding, finding } from "./finding.ts";

export async function findRowFaults(pool: pg.Pool, dataRoot: string): Promise<Finding[]> {
  return [
    ...(await brokenLineage(pool)),
    ...(await orphanCalibrations(pool, dataRoot)),
    ...(await orphanMeasurements(pool)),
  ];
}

/** A product is made from something, and each input that was a product is known as that one. */
async function brokenLineage(pool: pg.Pool): Promise<Finding[]> {
  const { rows } = await pool.query<{
    product_id: string;
    final_path: string;
    input_path: string | null;
    candidate: string | null;
  }>(
    `select p.product_id, p.final_path, i.input_path, contimg.product_used(p, i.input_path)
              as candidate
       from contimg.products p
       left join contimg.product_inputs i on i.product_id = p.product_id
      where p.superseded_at is null
        and i.input_product_id is null
        and (i.input_path is null
             or exists (select from contimg.products o
                         where o.final_path = i.input_path
                           and o.registered_at <= p.registered_at))
      order by p.final_path, i.input_path`,
  );
  return rows.map(({ product_id, final_path, input_path, candidate }) => {
    if (input_path === null) {
      const detail = `${final_path} has no inputs`;
      return { ...finding("incomplete-lineage", final_path, detail, product_id), remedy: "person" };
    }
    const detail = `${final_path} was made from ${input_path}, but from no product`;
    const found = finding("incomplete-lineage", final_path, detail, product_id);
    return candidate === null ? { ...found, remedy: "person" } : found;
  });
}

async function orphanCalibrations(pool: pg.Pool, dataRoot: string): Promise<Finding[]> {
  const { rows } = await pool.query<{ table_path: string }>(
    `select c.table_path
       from contimg.calibrations c
      where c.status = 'active'
        and not exists (select from contimg.products p
                         where p.final_path = c.table_path and p.superseded_at is null)
      order by c.table_path`,
  );
  const found: Finding[] = [];
  for (const { table_path: path } of rows) {
    if (await exists(join(dataRoot, path))) continue;
    const detail = `calibration ${path} is active, but its table is gone`;
    found.push(finding("orphan-calibration", path, detail));
  }
  return found;
}

async function orphanMeasurements(pool: pg.Pool): Promise<Finding[]> {
  const { rows } = await pool.query<{ group_id: string; count: string }>(
    `select m.group_id, count(*) as count
       from contimg.measurements m
      where not exists (select from contimg.products p
                         where p.group_id = m.group_id
                           and p.kind = 'photometry'
                           and p.task_id is not distinct from m.task_id)
      group by m.group_id order by m.group_id`,
  );
  return rows.map(({ group_id: groupId, count }) => {
    const detail = `${count} measurements of group ${groupId} come from no photometry product`;
    return finding("orphan-measurements", groupId, detail);
  });
}
