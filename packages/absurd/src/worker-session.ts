/**
 * The worker's connection for cycles: one statement in flight, prepared, opened again when broken.
 * Throws engine errors; a broken connection is reported once and replaced by the next `connect`.
 */
import pg from "pg";

import { run, toEngineError } from "./db.ts";
import type { FailureClass } from "./error-record.ts";
import { settleSession, statementName } from "./transaction-pooling.ts";

export interface WorkerIdentity {
  readonly workerId: number;
  readonly epoch: bigint;
}

/** An attempt that is over, to be reported. */
export type EndedAttempt = {
  readonly taskNumber: string;
  readonly claimNo: number;
} & (
  | { readonly kind: "completed"; readonly result: string | null }
  | {
      readonly kind: "failed";
      readonly errorClass: FailureClass;
      readonly error: string;
      /** The handler completed the task itself: finding no lease is what is hoped for. */
      readonly mayBeStale?: boolean;
    }
);

export interface Claim {
  readonly taskNumber: string;
  readonly claimNo: number;
  readonly laneId: number;
  readonly seq: string;
  readonly kindId: number;
  readonly timeoutMs: number | undefined;
  /** JSON. */
  readonly params: string;
  /** JSON. */
  readonly traceContext: string | null;
}

export interface CycleRequest {
  readonly ended: readonly EndedAttempt[];
  readonly queues: readonly string[];
  readonly kindIds: readonly number[];
  readonly hints: { readonly lanes: readonly number[]; readonly seqs: readonly string[] };
  readonly limit: number;
}

export interface CycleReply {
  readonly claims: readonly Claim[];
  /** `${taskNumber}/${claimNo}` of ended attempts whose fence did not hold. */
  readonly stale: ReadonlySet<string>;
  /** Tasks that became ready because of what completed. */
  readonly releasedCount: number;
}

type CycleRow = readonly [
  what: "c" | "s" | "r",
  taskNumber: string | null,
  claimNo: string,
  laneId: string | null,
  seq: string | null,
  kindId: string | null,
  attemptsMax: string | null,
  timeoutMs: string | null,
  params: string | null,
  traceContext: string | null,
];

const CYCLE = `select * from absurd.cycle($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,
  $14, $15)`;
// Values stay text: parsing is the attempt's business, and most columns go back as they came.
const AS_TEXT: pg.CustomTypesConfig = { getTypeParser: () => (value: unknown) => value };

export class WorkerSession {
  readonly #connectionString: string;
  readonly #queryMsMax: number;
  #client: pg.Client | undefined;

  /** @param queryMsMax a statement without answer for so long is on a dead connection */
  constructor(connectionString: string, queryMsMax: number) {
    this.#connectionString = connectionString;
    this.#queryMsMax = queryMsMax;
  }

  async connect(): Promise<pg.Client> {
    if (this.#client) return this.#client;
    const client = new pg.Client({
      connectionString: this.#connectionString,
      application_name: "absurd worker",
      connectionTimeoutMillis: 10_000,
      query_timeout: this.#queryMsMax,
      keepAlive: true,
    });
    client.on("error", () => {
      if (this.#client === client) this.#client = undefined;
    });
    await client.connect();
    await settleSession(client, this.#connectionString);
    this.#client = client;
    return client;
  }

  disconnect(): void {
    const client = this.#client;
    this.#client = undefined;
    void client?.end().catch(() => undefined);
  }

  async register(options: {
    name: string;
    epoch: bigint;
    leaseSeconds: number;
    queues: readonly string[];
    concurrency: number;
    host: string;
    version: string;
  }): Promise<number> {
    const [row] = await run<{ worker_id: number }>(
      await this.connect(),
      "select absurd.register_worker($1, $2, $3, $4, $5, $6, $7, $8) as worker_id",
      [
        options.name,
        options.epoch.toString(),
        Math.round(options.leaseSeconds * 1000),
        options.queues,
        options.concurrency,
        options.host,
        process.pid,
        options.version,
      ],
    );
    return row!.worker_id;
  }

  /** Says what the worker has. @throws {InvalidDemand} */
  async describe(
    identity: WorkerIdentity,
    capacity: Readonly<Record<string, number>>,
    labels: Readonly<Record<string, string>>,
  ): Promise<void> {
    await run(await this.connect(), "select absurd.describe_worker($1, $2, $3, $4)", [
      identity.workerId,
      identity.epoch.toString(),
      JSON.stringify(capacity),
      JSON.stringify(labels),
    ]);
  }

  /** Says of which lanes attempts run that were told to stop. @throws {WorkerDeclaredDead} */
  async occupy(identity: WorkerIdentity, lanes: readonly number[]): Promise<void> {
    await run(await this.connect(), "select absurd.occupy_worker($1, $2, $3)", [
      identity.workerId,
      identity.epoch.toString(),
      lanes,
    ]);
  }

  async cycle(identity: WorkerIdentity, request: CycleRequest): Promise<CycleReply> {
    const client = await this.connect();
    try {
      const { rows } = await client.query<CycleRow[]>({
        name: statementName(this.#connectionString, "absurd-cycle"),
        text: CYCLE,
        values: cycleValues(identity, request),
        rowMode: "array",
        types: AS_TEXT,
      });
      return readReply(rows as unknown as readonly CycleRow[]);
    } catch (error) {
      throw toEngineError(error);
    }
  }

  /** Which of the attempts are still ours; gives back leases that we do not know of. */
  async revalidate(
    identity: WorkerIdentity,
    known: readonly { taskNumber: string; claimNo: number }[],
  ): Promise<Set<string>> {
    const rows = await run<{ task_id: string; claim_no: number; held: boolean }>(
      await this.connect(),
      "select * from absurd.revalidate($1, $2, $3, $4)",
      [
        identity.workerId,
        identity.epoch.toString(),
        known.map((each) => each.taskNumber),
        known.map((each) => each.claimNo),
      ],
    );
    return new Set(rows.filter((row) => row.held).map((row) => `${row.task_id}/${row.claim_no}`));
  }

  async leave(identity: WorkerIdentity): Promise<void> {
    await run(await this.connect(), "select absurd.leave_worker($1, $2)", [
      identity.workerId,
      identity.epoch.toString(),
    ]);
  }
}

function cycleValues(identity: WorkerIdentity, request: CycleRequest): unknown[] {
  const done = request.ended.filter((each) => each.kind === "completed");
  const failed = request.ended.filter((each) => each.kind === "failed");
  return [
    identity.workerId,
    identity.epoch.toString(),
    // Written here: pg would quote and escape each number.
    `{${done.map((each) => each.taskNumber).join(",")}}`,
    `{${done.map((each) => each.claimNo).join(",")}}`,
    done.some((each) => each.result !== null)
      ? done.map((each) => each.result)
      : `{${done.map(() => "NULL").join(",")}}`,
    failed.map((each) => each.taskNumber),
    failed.map((each) => each.claimNo),
    failed.map((each) => each.errorClass),
    failed.map((each) => each.error),
    failed.map(() => Math.random()),
    request.queues,
    request.kindIds,
    request.hints.lanes,
    request.hints.seqs,
    request.limit,
  ];
}

function readReply(rows: readonly CycleRow[]): CycleReply {
  const claims: Claim[] = [];
  const stale = new Set<string>();
  let releasedCount = 0;
  for (const row of rows) {
    const [what, taskNumber, claimNo, laneId, seq, kindId, , timeoutMs, params, trace] = row;
    if (what === "r") releasedCount = Number(claimNo);
    else if (what === "s") stale.add(`${taskNumber}/${claimNo}`);
    else {
      claims.push({
        taskNumber: taskNumber!,
        claimNo: Number(claimNo),
        laneId: Number(laneId),
        seq: seq!,
        kindId: Number(kindId),
        timeoutMs: timeoutMs === null ? undefined : Number(timeoutMs),
        params: params!,
        traceContext: trace,
      });
    }
  }
  return { claims, stale, releasedCount };
}
