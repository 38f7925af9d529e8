/** What is left of a night, to be judged: what was made twice, lost, how long it took, how true. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { incomingFolder, photometryPath, validationPath } from "@contimg/pipeline";
import type pg from "pg";
import { z } from "zod";

import {
  compareTile,
  photometrySchema,
  summarize,
  type Summary,
  truthSchema,
  validationSchema,
} from "../demo/compare.ts";

/** Files below `incoming/` that ingest has no row of. */
export async function findLostFiles(pool: pg.Pool, dataRoot: string): Promise<string[]> {
  const folder = incomingFolder(dataRoot);
  const { rows } = await pool.query<{ path: string }>("select path from contimg.subband_files");
  const known = new Set(rows.map((row) => row.path));
  return readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((path) => !known.has(path));
}

/** None of it is forbidden by a key: each would be a run that was published twice. */
export async function findDuplicates(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query<{ what: string }>(
    `select 'task ' || task_id || ' published ' || final_path || ' ' || count(*) || ' times' as what
       from contimg.products where task_id is not null
      group by task_id, final_path having count(*) > 1
     union all
     select 'group ' || group_id || ' has ' || count(*) || ' current images'
       from contimg.products where kind = 'corrected-image' and superseded_at is null
      group by group_id having count(*) > 1
     union all
     select 'group ' || group_id || ' was run ' || count(*) || ' times with the same files'
       from contimg.group_runs
      group by group_id, members having count(*) > 1
     union all
     select 'task ' || task_id || ' has ' || count(*) || ' completed runs'
       from contimg.stage_runs where outcome = 'completed' and task_id is not null
        and fence in (select fence from contimg.products)
      group by task_id having count(*) > 1`,
  );
  return rows.map((row) => row.what);
}

export interface StageTime {
  readonly stage: string;
  readonly runs: number;
  readonly medianSeconds: number;
  readonly p95Seconds: number;
  readonly maxSeconds: number;
  readonly peakMib: number;
}

export async function readStageTimes(pool: pg.Pool): Promise<StageTime[]> {
  const { rows } = await pool.query<StageTime>(
    `select task_name as stage, count(*)::int as runs,
            percentile_cont(0.5) within group (order by seconds) as "medianSeconds",
            percentile_cont(0.95) within group (order by seconds) as "p95Seconds",
            max(seconds) as "maxSeconds",
            (max(peak_memory_bytes) / 1048576)::float8 as "peakMib"
       from contimg.stage_runs
      where outcome = 'completed'
      group by task_name order by min(started_at)`,
  );
  return rows;
}

/** How often each task began. */
export async function readAttempts(pool: pg.Pool): Promise<Map<string, number>> {
  const { rows } = await pool.query<{ task_id: string; attempt: number }>(
    "select task_id::text, attempt from absurd.tasks",
  );
  return new Map(rows.map((row) => [row.task_id, row.attempt]));
}

/** Groups that waited for a calibration, now or before. */
export async function readWaited(pool: pg.Pool): Promise<Set<string>> {
  const { rows } = await pool.query<{ group_id: string }>(
    "select distinct group_id from contimg.calibration_decisions where kind = 'hold'",
  );
  return new Set(rows.map((row) => row.group_id));
}

export interface ImagedTile {
  readonly groupId: string;
  readonly truthPath: string;
}

/** The summary of all tiles. */
export interface TruthSummary extends Summary {
  readonly tileCount: number;
}

export function compareWithTruth(dataRoot: string, tiles: readonly ImagedTile[]): TruthSummary {
  const compared = tiles.map(({ groupId, truthPath }) =>
    compareTile(
      truthSchema.parse(readJson(truthPath)),
      photometrySchema.parse(readJson(join(dataRoot, photometryPath(groupId, "json")))),
      validationSchema.parse(readJson(join(dataRoot, validationPath(groupId, "json")))),
    ),
  );
  return { ...summarize(compared), tileCount: tiles.length };
}

const auditSchema = z.object({
  findings: z.array(z.object({ kind: z.string(), path: z.string(), detail: z.string() })),
});

/** Of what `contimg audit --json` printed. */
export function readFindings(output: string): string[] {
  const { findings } = auditSchema.parse(JSON.parse(output));
  return findings.map(({ kind, detail }) => `${kind}: ${detail}`);
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, "utf8"));
}
