/** The workers that are registered: what they run, and asking them to drain or to stop. */
import { z } from "zod";

import { type Db, run } from "./db.ts";
import { WorkerDeclaredDead, WorkerNotFound } from "./errors.ts";
import { type Notifier, SIGNAL_PAYLOAD } from "./notifier.ts";
import { taskUuid } from "./task-id.ts";

const runningTask = z.object({
  taskId: z.string(),
  taskName: z.string(),
  attempt: z.number(),
  claimedAt: z.coerce.date(),
});

export interface WorkerView {
  readonly workerId: number;
  readonly name: string;
  readonly host: string | null;
  readonly pid: number | null;
  readonly version: string | null;
  readonly queues: readonly string[];
  /** Tasks at once. */
  readonly concurrency: number;
  /** Task names, with versions as name@version. */
  readonly kinds: readonly string[];
  readonly startedAt: Date;
  /** Since its last beat. Past its lease it is about to be declared dead. */
  readonly beatAgeSeconds: number;
  readonly leaseSeconds: number;
  readonly asked: "drain" | "stop" | null;
  readonly tasks: readonly z.infer<typeof runningTask>[];
  /** Resident, as its last beat said; null when none did. */
  readonly memoryBytes: number | null;
}

interface WorkerRow {
  worker_id: number;
  name: string;
  host: string | null;
  pid: number | null;
  version: string | null;
  queues: string[];
  concurrency: number;
  kinds: string[];
  started_at: Date;
  beat_age_seconds: number;
  lease_seconds: number;
  asked: "drain" | "stop" | null;
  tasks: unknown;
  memory_bytes: string | null;
}

/** What a worker is asked, with its beats' answers. */
export interface WorkerRequest {
  readonly kind: "cancel" | "deadline" | "drain" | "stop" | "paused";
  /** Of cancel and deadline. */
  readonly taskId: string | null;
  readonly attempt: number | null;
  readonly reason: string | null;
  /** Of drain and stop. */
  readonly graceSeconds: number | null;
}

interface RequestRow {
  task_id: string;
  claim_no: number;
  kind: WorkerRequest["kind"];
  reason: string | null;
}

function toRequest({
  task_id: taskId,
  claim_no: claimNo,
  kind,
  reason,
}: RequestRow): WorkerRequest {
  const isOfTask = kind === "cancel" || kind === "deadline";
  return {
    kind,
    taskId: isOfTask ? taskUuid(taskId) : null,
    attempt: isOfTask ? claimNo : null,
    reason: isOfTask ? reason : null,
    graceSeconds: isOfTask || reason === null ? null : Number(reason),
  };
}

export class Workers {
  readonly #db: Db;
  readonly #notifier: Notifier;

  constructor(db: Db, notifier: Notifier) {
    this.#db = db;
    this.#notifier = notifier;
  }

  async list(): Promise<WorkerView[]> {
    return (await run<WorkerRow>(this.#db, "select * from absurd.list_workers()")).map(fromRow);
  }

  /**
   * A worker's sign of life, from a worker that has no database: prolongs its leases. Gives what it
   * is asked to do.
   * @param epoch with which it registered: the fence
   * @throws {WorkerDeclaredDead} when it is not the epoch, or no more {WorkerNotFound}
   */
  async beat(workerId: number, epoch: string, memoryBytes?: number): Promise<WorkerRequest[]> {
    try {
      const rows = await run<RequestRow>(this.#db, "select * from absurd.beat($1, $2, $3)", [
        workerId,
        epoch,
        memoryBytes ?? null,
      ]);
      return rows.map(toRequest);
    } catch (error) {
      if (!(error instanceof WorkerDeclaredDead) || (await this.#isKnown(workerId))) throw error;
      throw new WorkerNotFound(`no worker ${workerId}`, { cause: error });
    }
  }

  async #isKnown(workerId: number): Promise<boolean> {
    const found = await run(this.#db, "select from absurd.worker where worker_id = $1", [workerId]);
    return found.length > 0;
  }

  /** The worker claims nothing any more, ends what it runs, and stays. @throws {WorkerNotFound} */
  async drain(workerId: number): Promise<void> {
    await run(this.#db, "select absurd.ask_worker($1, 'drain')", [workerId]);
    this.#notifier.notify(SIGNAL_PAYLOAD);
  }

  /** Takes a drain back. @throws {WorkerNotFound} */
  async resume(workerId: number): Promise<void> {
    await run(this.#db, "select absurd.resume_worker($1)", [workerId]);
    this.#notifier.notify(SIGNAL_PAYLOAD);
  }

  /**
   * The worker ends: its tasks may go on for the grace, then they are given back.
   * @throws {WorkerNotFound}
   */
  async stop(workerId: number, options: { readonly graceSeconds?: number } = {}): Promise<void> {
    await run(this.#db, "select absurd.ask_worker($1, 'stop', $2)", [
      workerId,
      options.graceSeconds ?? 30,
    ]);
    this.#notifier.notify(SIGNAL_PAYLOAD);
  }
}

function fromRow(row: WorkerRow): WorkerView {
  return {
    workerId: row.worker_id,
    name: row.name,
    host: row.host,
    pid: row.pid,
    version: row.version,
    queues: row.queues,
    concurrency: row.concurrency,
    kinds: row.kinds,
    startedAt: row.started_at,
    beatAgeSeconds: row.beat_age_seconds,
    leaseSeconds: row.lease_seconds,
    asked: row.asked,
    tasks: z.array(runningTask).parse(row.tasks),
    memoryBytes: row.memory_bytes === null ? null : Number(row.memory_bytes),
  };
}
