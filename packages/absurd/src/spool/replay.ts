/**
 * Brings what waits in a spool to the database, oldest first.
 *
 * A segment is removed after the database took or refused every record of it, in committed
 * transactions. Dying anywhere in between replays it again: outcomes are known by their fence,
 * spawns by their idempotency keys.
 */
import { z } from "zod";

import { type Db, isTransient, run, sqlState } from "../db.ts";
import { UnknownTaskName } from "../errors.ts";
import { registerKinds } from "../kinds.ts";
import type { AnyTask } from "../task.ts";
import {
  type OutcomeRecord,
  outcomeRecordSchema,
  type SpawnRecord,
  spawnRecordSchema,
} from "./records.ts";
import type { Segment } from "./spool-folder.ts";
import type { SpoolFolder } from "./spool-folder.ts";

export interface ReplayReport {
  /** Outcomes that the database took now. */
  readonly taken: number;
  /** Outcomes that it had taken before: a crash came before the segment was removed. */
  readonly known: number;
  /** Tasks that were spawned now. */
  readonly spawned: number;
  /** Tasks that had been spawned before, by the same idempotency key. */
  readonly spawnedBefore: number;
  /** Outcomes whose fence no longer holds: dropped. Spawns the database refused: set aside. */
  readonly refused: readonly Refusal[];
  /** Segments with damaged records, under their new names; their whole records were replayed. */
  readonly corrupt: readonly { readonly name: string; readonly problems: readonly string[] }[];
}

export interface Refusal {
  readonly kind: Segment["kind"];
  /** The fence of an outcome, the first idempotency key of spawns. */
  readonly what: string;
  readonly why: string;
}

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };
type Tally = Mutable<ReplayReport> & {
  refused: Refusal[];
  corrupt: ReplayReport["corrupt"][number][];
};

/**
 * @param isSkipped segments whose records somebody is about to report himself
 * @throws what the database says when it is away, or the file system; the rest waits
 */
export async function replaySpool(
  db: Db,
  folder: SpoolFolder,
  isSkipped: (name: string) => boolean = () => false,
): Promise<ReplayReport> {
  const tally: Tally = {
    taken: 0,
    known: 0,
    spawned: 0,
    spawnedBefore: 0,
    refused: [],
    corrupt: [],
  };
  for (const segment of await folder.list()) {
    if (segment.state === "ready" && !isSkipped(segment.name)) {
      await replaySegment(db, folder, segment, tally);
    }
  }
  return tally;
}

async function replaySegment(
  db: Db,
  folder: SpoolFolder,
  { name, kind }: Segment,
  tally: Tally,
): Promise<void> {
  const content = await folder.read(name);
  if (!content) return;
  const problems = [...content.problems];
  let isKept = false;
  for (const text of content.records) {
    const schema = kind === "outcome" ? outcomeRecordSchema : spawnRecordSchema;
    const record = schema.safeParse(JSON.parse(text));
    if (!record.success) problems.push(z.prettifyError(record.error));
    else if ("ending" in record.data)
      isKept = (await replayOutcome(db, record.data, tally)) || isKept;
    else isKept = (await replaySpawn(db, record.data, tally)) || isKept;
  }
  if (problems.length > 0) {
    tally.corrupt.push({ name: await folder.setAside(name, "corrupt"), problems });
  } else if (isKept) {
    await folder.setAside(name, "refused");
  } else {
    await folder.remove(name);
  }
}

/** True when a person should see it. */
async function replayOutcome(db: Db, record: OutcomeRecord, tally: Tally): Promise<boolean> {
  const { fence, ending, body } = record;
  try {
    const [row] = await run<{ verdict: string }>(
      db,
      "select absurd.replay_outcome($1, $2, $3) as verdict",
      [fence, ending, body],
    );
    if (row?.verdict === "taken") tally.taken += 1;
    else if (row?.verdict === "known" || record.mayBeStale) tally.known += 1;
    else tally.refused.push({ kind: "outcome", what: fence, why: "its lease is lost" });
    return false;
  } catch (error) {
    tally.refused.push({ kind: "outcome", what: fence, why: refusal(error) });
    return true;
  }
}

async function replaySpawn(db: Db, record: SpawnRecord, tally: Tally): Promise<boolean> {
  try {
    const rows = await spawnRecorded(db, record);
    const createdCount = rows.filter((row) => row.created).length;
    tally.spawned += createdCount;
    tally.spawnedBefore += rows.length - createdCount;
    return false;
  } catch (error) {
    tally.refused.push({ kind: "spawn", what: record.keys[0] ?? "", why: refusal(error) });
    return true;
  }
}

async function spawnRecorded(db: Db, record: SpawnRecord): Promise<{ created: boolean }[]> {
  const spawn = (): Promise<{ created: boolean }[]> =>
    run(db, "select created from absurd.spawn_tasks($1, $2)", [record.tasks, record.fence]);
  try {
    return await spawn();
  } catch (error) {
    if (!(error instanceof UnknownTaskName) || record.kinds.length === 0) throw error;
    // Only now: what was registered since is newer than what this record knows.
    await registerKinds(db, record.kinds.map(toDefinition));
    return spawn();
  }
}

function toDefinition(kind: SpawnRecord["kinds"][number]): AnyTask {
  const { name, queue, maxRetries, timeoutSeconds } = kind;
  return {
    name,
    params: z.unknown(),
    ...(queue === undefined ? {} : { queue }),
    ...(maxRetries === undefined ? {} : { maxRetries }),
    ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
  };
}

/** Why the database will never take it. @throws the error when it may, later */
function refusal(error: unknown): string {
  if (isTransient(error) || !(error instanceof Error)) throw error;
  // Engine errors and what the server says of the data; anything else is a bug or a broken disk.
  if (sqlState(error) === "" && !isEngineError(error)) throw error;
  return error.message;
}

function isEngineError(error: Error): boolean {
  return sqlState(error.cause).startsWith("WF");
}
