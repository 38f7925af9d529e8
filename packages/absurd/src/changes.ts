/**
 * Changes of tasks, for those who follow them: each at least once, however late its transaction
 * commits, and none twice as long as one reader goes on.
 *
 * A reader remembers which transactions it has seen. Ends, failed attempts and new starts carry
 * the number of their transaction, so what others wrote is found by index. Spawns are found by the
 * time in their task's number, claims by comparing the leases with those of the read before: what
 * came and went between two reads is told by its end only. One reader serves any number of
 * listeners.
 */
import { type Part, type Seen, decode, encode, nextSeen, rewound } from "./change-cursor.ts";
import { type Db, run } from "./db.ts";
import { InvalidCursor } from "./errors.ts";
import { taskUuid } from "./task-id.ts";
import type { TaskStatus } from "./task-view.ts";

export interface TaskChange {
  readonly taskId: string;
  readonly queue: string;
  readonly taskName: string;
  readonly status: TaskStatus;
  readonly attempt: number;
  readonly workflowId: string | null;
  readonly workerName: string | null;
  /** Of a failed attempt, or of an end. */
  readonly error: string | null;
  readonly at: Date;
}

export interface Changes {
  /** Spawns, then claims, then ends. */
  readonly changes: readonly TaskChange[];
  /** A reader that begins here is told of everything since, and of some things again. */
  readonly cursor: string;
  /** More was spawned or claimed at once than a read tells. Ends are never left out. */
  readonly gap: boolean;
  /** There are more ends: read again at once. */
  readonly more: boolean;
}

interface Row {
  kind: "horizon" | "end" | "spawn" | "lease";
  xid: string | null;
  open: string[] | null;
  task_id: string;
  claim_no: number;
  status: TaskStatus;
  worker_id: number | null;
  error: string | null;
  at: Date;
  started_at: Date | null;
  /** Of spawns. */
  lane_id: number | null;
  workflow_id: string | null;
}

/** What a lane's tasks have in common; it never changes. */
interface Lane {
  readonly queue: string;
  readonly task_name: string;
}

type Horizon = Parameters<typeof nextSeen>[1];

/**
 * A task's number is made this long, at most, before the transaction that spawns it first writes.
 */
const NUMBER_LEAD_MS = 2_000;
/** Transactions whose ends are looked for in one read: who was away catches up in steps. */
const WINDOW = 20_000n;
const LEASES_MAX = 5_000;
/** Told spawns that are remembered while transactions of their time may be open. */
const TOLD_MAX = 100_000;

export class ChangeReader {
  readonly #db: Db;
  #seen: Seen | undefined;
  /** Task numbers of told spawns that a later read may meet again. */
  #told = new Set<string>();
  readonly #lanes = new Map<number, Lane>();
  /** The leases of the last read; undefined before the first of a reader without a cursor. */
  #leases: ReadonlySet<string> | undefined;

  /**
   * @param cursor of an earlier reader; without, from the first read on. @throws {InvalidCursor}
   */
  constructor(db: Db, cursor?: string) {
    this.#db = db;
    if (cursor === undefined) return;
    this.#seen = decode(cursor);
    this.#leases = new Set();
  }

  /**
   * Up to `limit` each of spawns, claims and ends. What a read that fails would have told, the next
   * one tells.
   * @throws {InvalidCursor} when the cursor is of another database
   */
  async read(limit = 1_000): Promise<Changes> {
    const { seen: before, horizon, rows } = await this.#read(limit);
    if (before !== undefined && before.xmax > horizon.xmax) {
      throw new InvalidCursor("the cursor is of another database, or of a later state of this one");
    }
    const of = (kind: Row["kind"]): Row[] => rows.filter((row) => row.kind === kind);
    const [ends, leases] = [of("end"), of("lease")];
    const spawns = of("spawn").filter((row) => !this.#told.has(row.task_id));
    const claims = leases.filter((row) => this.#leases?.has(keyOf(row)) === false);
    const seen = nextSeen(before, horizon, {
      last: partOf(ends.at(-1)),
      isCut: ends.length >= limit,
      to: before ? least(horizon.xmax, before.xmax + WINDOW) : horizon.xmax,
    });
    const changes = await this.#describe([...spawns, ...claims.slice(0, limit), ...ends]);
    this.#seen = seen;
    this.#remember(spawns, seen);
    this.#leases = new Set(leases.map(keyOf));
    return {
      changes,
      cursor: encode(seen),
      gap: of("spawn").length >= limit || claims.length > limit || leases.length > LEASES_MAX,
      more: ends.length >= limit || seen.xmax < horizon.xmax,
    };
  }

  async #read(
    limit: number,
  ): Promise<{ seen: Seen | undefined; horizon: Horizon; rows: readonly Row[] }> {
    const seen = this.#seen;
    const found = await this.#rows(seen, limit);
    if (seen === undefined || seen.startedMs === found.horizon.startedMs) return { seen, ...found };
    const safe = rewound(seen, found.horizon.startedMs);
    this.#told.clear();
    this.#leases = new Set();
    return { seen: safe, ...(await this.#rows(safe, limit)) };
  }

  async #rows(
    seen: Seen | undefined,
    limit: number,
  ): Promise<{ horizon: Horizon; rows: readonly Row[] }> {
    const { part, spawns } = seen ?? {};
    const rows = await run<Row>(
      this.#db,
      `select * from absurd.read_changes($1, $2, row($3, $4, $5, $6)::absurd.change_place, $7, $8,
                                         $9, $10, $11)`,
      [
        seen === undefined ? null : String(seen.xmax),
        (seen?.open ?? []).map(String),
        ...(part ? [String(part.xid), part.taskNumber, part.claimNo, part.status] : NO_PART),
        String(WINDOW),
        spawns === undefined ? null : firstNumber(spawns.late?.ms ?? spawns.sinceMs),
        spawns === undefined ? null : String(spawns.late?.xid ?? spawns.xmax),
        limit,
        LEASES_MAX,
      ],
    );
    const row = rows.find(({ kind }) => kind === "horizon")!;
    const horizon = {
      xmax: BigInt(row.xid!),
      open: row.open!.map(BigInt),
      atMs: row.at.getTime(),
      startedMs: row.started_at!.getTime(),
      sinceMs: seen ? seen.spawns.sinceMs : await readOldestStart(this.#db, row.at),
    };
    return { horizon, rows };
  }

  /** Forgets what no later read can meet. */
  #remember(spawns: readonly Row[], { spawns: seen }: Seen): void {
    const since = Math.min(seen.sinceMs, seen.late?.ms ?? Infinity, ...seen.open.values());
    const first = BigInt(firstNumber(since));
    const kept = [...this.#told].filter((number) => BigInt(number) >= first);
    this.#told = new Set([...kept, ...spawns.map((row) => row.task_id)].slice(-TOLD_MAX));
  }

  async #describe(rows: readonly Row[]): Promise<TaskChange[]> {
    if (rows.length === 0) return [];
    const bodies = await this.#readBodies(rows.filter((row) => row.lane_id === null));
    await this.#knowLanes(rows.flatMap((row) => row.lane_id ?? []));
    const names = await this.#readWorkerNames(rows.flatMap((row) => row.worker_id ?? []));
    return rows.flatMap((row) => {
      const lane = row.lane_id === null ? undefined : this.#lanes.get(row.lane_id);
      const body = lane ? { ...lane, workflow_id: row.workflow_id } : bodies.get(row.task_id);
      if (body === undefined) return []; // Its day was removed meanwhile.
      const workerName = row.worker_id === null ? null : (names.get(row.worker_id) ?? null);
      return [changeOf(row, body, workerName)];
    });
  }

  async #readBodies(rows: readonly Row[]): Promise<ReadonlyMap<string, Body>> {
    if (rows.length === 0) return new Map();
    const found = await run<Body & { task_id: string }>(
      this.#db,
      "select * from absurd.change_bodies($1)",
      [[...new Set(rows.map((row) => row.task_id))]],
    );
    return new Map(found.map((each) => [each.task_id, each]));
  }

  async #knowLanes(laneIds: readonly number[]): Promise<void> {
    const unknown = [...new Set(laneIds)].filter((laneId) => !this.#lanes.has(laneId));
    if (unknown.length === 0) return;
    const found = await run<Lane & { lane_id: number }>(
      this.#db,
      `select l.lane_id, l.queue, k.name as task_name
         from absurd.lane l join absurd.kind k on k.kind_id = l.kind_id
        where l.lane_id = any($1)`,
      [unknown],
    );
    for (const { lane_id: laneId, ...lane } of found) this.#lanes.set(laneId, lane);
  }

  async #readWorkerNames(workerIds: readonly number[]): Promise<ReadonlyMap<number, string>> {
    if (workerIds.length === 0) return new Map();
    const found = await run<{ worker_id: number; name: string }>(
      this.#db,
      "select worker_id, name from absurd.worker where worker_id = any($1)",
      [[...new Set(workerIds)]],
    );
    return new Map(found.map((each) => [each.worker_id, each.name]));
  }
}

export interface ProgressChange {
  readonly taskId: string;
  readonly fraction: number;
  readonly note: string;
  readonly at: Date;
}

/** What running tasks reported after a time, oldest first, the newest of each. */
export async function readProgress(
  db: Db,
  after: Date,
  limit = 1_000,
): Promise<readonly ProgressChange[]> {
  const rows = await run<{ task_id: string; fraction: number; note: string; at: Date }>(
    db,
    "select task_id, fraction, note, at from absurd.read_progress($1, $2)",
    [after, limit],
  );
  return rows.map(({ task_id: taskId, ...rest }) => ({ taskId, ...rest }));
}

interface Body extends Lane {
  readonly workflow_id: string | null;
}

const NO_PART = [null, null, null, null];

function changeOf(row: Row, body: Body, workerName: string | null): TaskChange {
  return {
    taskId: taskUuid(row.task_id),
    queue: body.queue,
    taskName: body.task_name,
    status: row.status,
    attempt: row.claim_no,
    workflowId: body.workflow_id,
    workerName,
    error: row.error,
    at: row.at,
  };
}

/** The oldest begin of a transaction that writes, as far as this role may see it. */
async function readOldestStart(db: Db, now: Date): Promise<number> {
  const [row] = await run<{ at: Date | null }>(
    db,
    "select min(xact_start) as at from pg_stat_activity where backend_xid is not null",
  );
  return Math.min(now.getTime(), row?.at?.getTime() ?? Infinity);
}

function partOf(row: Row | undefined): Part | undefined {
  if (row === undefined) return undefined;
  const { xid, task_id: taskNumber, claim_no: claimNo, status } = row;
  return { xid: BigInt(xid!), taskNumber, claimNo, status };
}

function keyOf(row: Row): string {
  return `${row.task_id}/${row.claim_no}`;
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function firstNumber(ms: number): string {
  return String(BigInt(Math.max(0, Math.floor(ms) - NUMBER_LEAD_MS)) << 20n);
}
