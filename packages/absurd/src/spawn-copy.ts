/**
 * Spawning by COPY: for hundreds of thousands of tasks of one kind from a stream.
 *
 * One transaction, all or none. The rows go straight into the planes, 5,000 at a time. The lane,
 * its limits and the task numbers come from absurd.begin_copy; nothing but params differs between
 * the tasks.
 */
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import type pg from "pg";
import { from as copyFrom } from "pg-copy-streams";

import { type Db, run } from "./db.ts";
import { writeParams } from "./spawn.ts";
import type { AnyTask } from "./task.ts";

const CHUNK_ROWS = 5_000;

interface CopyTarget {
  readonly lane_id: number;
  readonly attempts_max: number;
  readonly timeout_ms: string | null;
  /** Null: as the numbers say. As text, so that no microsecond is lost on the way back. */
  readonly created_at: string | null;
  readonly queue_name: string;
  /** Its queue may refuse tasks: ask before each chunk. */
  readonly guarded: boolean;
}

/**
 * Spawns a task for each element and returns how many. A savepoint makes it all or none also inside
 * a transaction that goes on.
 * @param client a connection; its transaction, when it has one, is the caller's to commit
 */
export async function copyTasks(
  client: pg.ClientBase,
  task: AnyTask,
  params: AsyncIterable<unknown> | Iterable<unknown>,
  options: { queue?: string; priority?: number },
): Promise<number> {
  const db = client as Db; // pg's overloads do not infer; the one used here is Db's.
  const [open] = await run<{ is_open: boolean }>(
    db,
    "select statement_timestamp() > transaction_timestamp() as is_open",
  );
  const [begin, commit, rollback] = open!.is_open
    ? ["savepoint absurd_copy", "release absurd_copy", "rollback to absurd_copy"]
    : ["begin", "commit", "rollback"];
  await client.query(begin);
  try {
    const count = await copyInTransaction(client, task, params, options);
    await client.query(commit);
    return count;
  } catch (error) {
    await client.query(rollback);
    throw error;
  }
}

async function copyInTransaction(
  client: pg.ClientBase,
  task: AnyTask,
  params: AsyncIterable<unknown> | Iterable<unknown>,
  options: { queue?: string; priority?: number },
): Promise<number> {
  const db = client as Db; // As above.
  const [target] = await run<CopyTarget>(
    db,
    `select lane_id, attempts_max, timeout_ms, created_at::text, queue_name, guarded
       from absurd.begin_copy($1, $2, $3)`,
    [task.name, options.queue ?? null, options.priority ?? 0],
  );
  let count = 0;
  for await (const chunk of chunks(params, task)) {
    if (target!.guarded) {
      await run(db, "select absurd.admit_tasks($1, $2)", [target!.queue_name, chunk.length]);
    }
    const numbers = await taskNumbers(db, chunk.length);
    const laneId = target!.lane_id;
    const at = target!.created_at ?? "\\N";
    await copyRows(client, "task (id, lane_id, attempts_max, timeout_ms, created_at, params)", [
      ...taskRows(target!, numbers, chunk),
    ]);
    await copyRows(
      client,
      "ready (lane_id, task_id, at)",
      numbers.map((number) => `${laneId}\t${number}\t${at}\n`),
    );
    count += chunk.length;
  }
  return count;
}

async function taskNumbers(db: Db, count: number): Promise<string[]> {
  const [row] = await run<{ numbers: string }>(
    db,
    "select absurd.next_task_numbers($1)::text as numbers",
    [count],
  );
  return row!.numbers.slice(1, -1).split(",");
}

function* taskRows(
  target: CopyTarget,
  numbers: readonly string[],
  lines: readonly string[],
): Generator<string> {
  const { lane_id: laneId, attempts_max: attemptsMax } = target;
  const at = target.created_at ?? "\\N";
  const timeoutMs = target.timeout_ms ?? "\\N";
  for (const [index, line] of lines.entries()) {
    // JSON has no tab and no line break; a backslash is COPY's own escape.
    const params = line.includes("\\") ? line.replaceAll("\\", "\\\\") : line;
    yield `${numbers[index]!}\t${laneId}\t${attemptsMax}\t${timeoutMs}\t${at}\t${params}\n`;
  }
}

async function copyRows(client: pg.ClientBase, table: string, rows: string[]): Promise<void> {
  const sink = client.query(copyFrom(`copy absurd.${table} from stdin`));
  await pipeline(Readable.from([rows.join("")]), sink);
}

/** Checked and written out, 5,000 at a time. @throws {InvalidParams} naming the element */
async function* chunks(
  params: AsyncIterable<unknown> | Iterable<unknown>,
  task: AnyTask,
): AsyncGenerator<readonly string[]> {
  let chunk: string[] = [];
  for await (const each of params) {
    chunk.push(writeParams(task.name, task, each));
    if (chunk.length < CHUNK_ROWS) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
