/**
 * Files into the database: what was seen, what is in them, where they belong. Each function is one
 * transaction, so a process that dies between two of them has lost nothing and done nothing twice.
 */
import type pg from "pg";

import { inTransaction } from "../products/transaction.ts";
import { type FileRow, recordedFile } from "./file-rows.ts";
import type { Changes } from "./incoming-folder.ts";
import { placeFiles } from "./place-files.ts";
import type { IngestPolicy } from "./policy.ts";
import { type Probe, strangeSubband } from "./probe-file.ts";

export async function recordLook(
  pool: pg.Pool,
  folder: string,
  { seen, gonePaths }: Changes,
  policy: IngestPolicy,
): Promise<void> {
  await inTransaction(pool, async (client) => {
    await client.query("select contimg.lock_ingest()");
    await client.query("select contimg.record_look($1, $2, $3)", [
      folder,
      JSON.stringify(seen),
      gonePaths,
    ]);
    await regroup(client, [], policy);
  });
}

/** As contimg.record_probes takes it. */
export interface Verdict {
  readonly file_id: string;
  readonly size_bytes: string;
  readonly mtime_unix_ms: string;
  readonly path: string;
  /** Null for a file that is whole. */
  readonly refusal: string | null;
  readonly may_mend: boolean;
  readonly digest?: string;
  readonly start_mjd?: number;
  readonly end_mjd?: number;
  readonly declination_rad?: number | null;
}

/** Looks into a file. @param nowUnixMs by the database's clock */
export async function judge(
  row: FileRow,
  probe: Probe,
  policy: IngestPolicy,
  nowUnixMs: number,
): Promise<Verdict> {
  const { file_id, size_bytes, mtime_unix_ms, path } = row;
  const content = { file_id, size_bytes, mtime_unix_ms, path };
  const strange = strangeSubband(row.subband, policy.expected_subbands);
  if (strange !== undefined) return { ...content, refusal: strange, may_mend: false };
  const found = await probe(path);
  if ("refusal" in found) {
    const youngUnixMs = row.changed_at.getTime() + 1000 * policy.quarantine_seconds;
    const mayMend = nowUnixMs < youngUnixMs && isYoung(row, policy.quarantine_seconds, nowUnixMs);
    return { ...content, refusal: found.refusal, may_mend: mayMend };
  }
  return {
    ...content,
    refusal: null,
    may_mend: false,
    digest: found.digest,
    start_mjd: found.startMjd,
    end_mjd: found.endMjd,
    declination_rad: found.declinationRad,
  };
}

/** Whether nobody writes to the file any more, as far as that can be seen from outside. */
export function isQuiet(row: FileRow, policy: IngestPolicy, nowUnixMs: number): boolean {
  if (Number(row.size_bytes) === policy.expected_bytes) return true;
  const quietUnixMs = row.changed_at.getTime() + 1000 * policy.settle_seconds;
  return nowUnixMs >= quietUnixMs || !isYoung(row, policy.quarantine_seconds, nowUnixMs);
}

/** By the file system's clock, which may be another machine's: good for what is long past only. */
function isYoung(row: FileRow, seconds: number, nowUnixMs: number): boolean {
  return nowUnixMs < Number(row.mtime_unix_ms) + 1000 * seconds;
}

export async function recordVerdicts(
  pool: pg.Pool,
  verdicts: readonly Verdict[],
  policy: IngestPolicy,
): Promise<void> {
  await inTransaction(pool, async (client) => {
    await client.query("select contimg.lock_ingest()");
    const { rows } = await client.query<{ group_id: string }>(
      "select group_id from contimg.record_probes($1) as group_id",
      [JSON.stringify(verdicts)],
    );
    const touched = rows.map((row) => row.group_id);
    await regroup(client, touched, policy);
  });
}

/** Puts every file where it belongs now. @param touched groups of which a file was judged */
async function regroup(
  client: pg.PoolClient,
  touched: readonly string[],
  policy: IngestPolicy,
): Promise<void> {
  const { tolerance_seconds: toleranceSeconds } = policy;
  const loose = (await client.query<FileRow>("select * from contimg.loose_files()")).rows.map(
    recordedFile,
  );
  const { rows: fixed } = await client.query<{ group_id: string }>(
    "select group_id from contimg.fixed_groups_near($1, $2) as group_id",
    [[...new Set(loose.map((file) => file.timestamp))], toleranceSeconds],
  );
  const fixedIds = fixed.map((row) => row.group_id);
  const settled = (
    await client.query<FileRow>("select * from contimg.settled_files($1)", [
      [...new Set([...fixedIds, ...touched])],
    ])
  ).rows.map(recordedFile);
  const placements = placeFiles({ loose, fixedIds, settled, toleranceSeconds });
  if (placements.length > 0) {
    const rows = placements.map(({ fileId, groupId, state, reason }) => ({
      ...{ file_id: fileId, group_id: groupId, state, reason },
    }));
    await client.query("select contimg.place_files($1)", [JSON.stringify(rows)]);
  }
  await client.query("select contimg.drop_empty_groups()");
}
