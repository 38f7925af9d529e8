/**
 * What the attempts of one worker keep and wait for, on its way to the database: checkpoints,
 * histories and sleeps go in batches, waits one by one.
 *
 * Every statement may be sent twice (see DurableSession): a checkpoint that is there already with
 * this value was ours, and an attempt that finds its lease gone because it was suspended is over
 * either way.
 */
import { Coalescer } from "./coalescer.ts";
import { isTransient } from "./db.ts";
import { DurableSession } from "./durable-session.ts";
import { LeaseLost, TaskCancelled, WorkerDeclaredDead } from "./errors.ts";
import { numberArray, quoteElement, quotedArray } from "./pg-array.ts";
import type { Claim, WorkerIdentity } from "./worker-session.ts";

export interface DurableStoreHost {
  readonly identity: WorkerIdentity;
  onError(error: unknown): void;
}

interface Asked<Answer> {
  readonly claim: Claim;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** A step's value to be kept. `resolve` gets what the step is worth: `value`, or what was first. */
export interface Checkpoint extends Asked<unknown> {
  readonly name: string;
  readonly ordinal: number;
  readonly value: unknown;
  /** `value` as JSON. */
  readonly text: string | null;
}

export interface Nap extends Asked<void> {
  readonly ordinal: number;
  readonly seconds: number | undefined;
  readonly until: Date | undefined;
}

/** By label (name, or name#2): JSON. */
export interface History {
  readonly values: ReadonlyMap<string, string | null>;
  /** The database's clock less this machine's. */
  readonly clockAheadMs: number;
}

const BATCH_MAX = 500;
const WRITE = `select place, is_stale, value
  from absurd.write_checkpoints($1, $2, $3, $4, $5, $6, $7)`;
const READ = "select task_id, name, ordinal, value, clock_ms from absurd.read_checkpoints($1)";
const SLEEP = `select task_id, claim_no, what, reason
  from absurd.sleep_attempts($1, $2, $3, $4, $5, $6, $7)`;
const AWAIT_EVENT = "select what, payload from absurd.await_event($1, $2, $3, $4)";
const AWAIT_TASKS = "select what, ends from absurd.await_tasks($1, $2, $3)";

export function stepLabel(name: string, ordinal: number): string {
  return ordinal === 1 ? name : `${name}#${ordinal}`;
}

export class DurableStore {
  readonly #host: DurableStoreHost;
  readonly #session: DurableSession;
  readonly #checkpoints: Coalescer<Checkpoint>;
  readonly #histories: Coalescer<Asked<History>>;
  readonly #naps: Coalescer<Nap>;
  /** Names as array elements: programs have few. */
  readonly #quotedNames = new Map<string, string>();

  constructor(host: DurableStoreHost, connectionString: string) {
    this.#host = host;
    this.#session = new DurableSession(connectionString, (error) => {
      host.onError(error);
    });
    this.#checkpoints = new Coalescer((batch) => this.#write(batch), BATCH_MAX);
    this.#histories = new Coalescer((batch) => this.#read(batch), BATCH_MAX);
    this.#naps = new Coalescer((batch) => this.#sleep(batch), BATCH_MAX);
  }

  keep(checkpoint: Checkpoint): void {
    this.#checkpoints.add(checkpoint);
  }

  readHistory(claim: Claim): Promise<History> {
    return new Promise((resolve, reject) => {
      this.#histories.add({ claim, resolve, reject });
    });
  }

  /** Resolves when the attempt has given up its lease. @throws {LeaseLost | TaskCancelled} */
  sleep(claim: Claim, nap: Pick<Nap, "ordinal" | "seconds" | "until">): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#naps.add({ claim, ...nap, resolve, reject });
    });
  }

  /** JSON of the payload (null: none); undefined when the time was over; or suspended. */
  async awaitEvent(
    fence: string,
    name: string,
    ordinal: number,
    timeoutSeconds: number | undefined,
  ): Promise<{ what: "event" | "timeout" | "suspended"; payload: string | null }> {
    const rows = await this.#session.query("absurd-await-event", AWAIT_EVENT, [
      fence,
      name,
      ordinal,
      timeoutSeconds ?? null,
    ]);
    const [what, payload] = rows[0]!;
    return { what: what as "event" | "timeout" | "suspended", payload: payload ?? null };
  }

  /** JSON of how the tasks ended; undefined: suspended until they have. */
  async awaitTasks(
    fence: string,
    taskIds: readonly string[],
    ordinal: number,
  ): Promise<string | undefined> {
    const rows = await this.#session.query("absurd-await-tasks", AWAIT_TASKS, [
      fence,
      taskIds,
      ordinal,
    ]);
    const [what, ends] = rows[0]!;
    return what === "ended" ? ends! : undefined;
  }

  close(): Promise<void> {
    return this.#session.close();
  }

  async #write(batch: readonly Checkpoint[]): Promise<void> {
    const { workerId, epoch } = this.#host.identity;
    try {
      const refused = await this.#session.query("absurd-checkpoints", WRITE, [
        workerId,
        epoch.toString(),
        numberArray(batch.map((each) => each.claim.taskNumber)),
        numberArray(batch.map((each) => each.claim.claimNo)),
        quotedArray(batch.map((each) => this.#quotedName(each.name))),
        numberArray(batch.map((each) => each.ordinal)),
        quotedArray(batch.map((each) => quoteElement(each.text))),
      ]);
      if (refused.length === 0) for (const each of batch) each.resolve(each.value);
      else answerRefused(batch, refused);
    } catch (error) {
      await this.#afterFailure(batch, error, (part) => this.#write(part));
    }
  }

  async #read(batch: readonly Asked<History>[]): Promise<void> {
    try {
      const rows = await this.#session.query("absurd-history", READ, [
        numberArray(batch.map((each) => each.claim.taskNumber)),
      ]);
      const values = new Map(batch.map((each) => [each.claim.taskNumber, new Map()]));
      for (const [taskNumber, name, ordinal, value] of rows) {
        values.get(taskNumber!)!.set(stepLabel(name!, Number(ordinal)), value);
      }
      const clockMs = rows[0]?.[4];
      const clockAheadMs = clockMs == null ? 0 : Number(clockMs) - Date.now();
      for (const { claim, resolve } of batch) {
        resolve({ values: values.get(claim.taskNumber)!, clockAheadMs });
      }
    } catch (error) {
      for (const each of batch) each.reject(error);
    }
  }

  async #sleep(batch: readonly Nap[]): Promise<void> {
    const { workerId, epoch } = this.#host.identity;
    try {
      const rows = await this.#session.query("absurd-sleep", SLEEP, [
        workerId,
        epoch.toString(),
        numberArray(batch.map((each) => each.claim.taskNumber)),
        numberArray(batch.map((each) => each.claim.claimNo)),
        numberArray(batch.map((each) => each.ordinal)),
        batch.map((each) => each.seconds ?? null),
        batch.map((each) => each.until?.toISOString() ?? null),
      ]);
      const awake = new Map(rows.map((row) => [`${row[0]}/${row[1]}`, row]));
      for (const { claim, resolve, reject } of batch) {
        const row = awake.get(`${claim.taskNumber}/${claim.claimNo}`);
        if (!row) resolve();
        else if (row[2] === "cancelled") reject(new TaskCancelled(row[3] ?? ""));
        else reject(new LeaseLost(`attempt ${claim.claimNo} lost its lease`));
      }
    } catch (error) {
      await this.#afterFailure(batch, error, (part) => this.#sleep(part));
    }
  }

  /** One value that PostgreSQL refuses must not fail the others: halves until it is alone. */
  async #afterFailure<Item extends Asked<never>>(
    batch: readonly Item[],
    error: unknown,
    again: (part: readonly Item[]) => Promise<void>,
  ): Promise<void> {
    if (error instanceof WorkerDeclaredDead) {
      this.#host.onError(error);
      for (const { claim, reject } of batch) {
        reject(new LeaseLost(`attempt ${claim.claimNo} lost its lease`, { cause: error }));
      }
    } else if (batch.length === 1 || isTransient(error)) {
      for (const each of batch) each.reject(error);
    } else {
      const middle = batch.length >> 1;
      await again(batch.slice(0, middle));
      await again(batch.slice(middle));
    }
  }

  #quotedName(name: string): string {
    let quoted = this.#quotedNames.get(name);
    if (quoted === undefined) {
      quoted = quoteElement(name);
      if (this.#quotedNames.size < 10_000) this.#quotedNames.set(name, quoted);
    }
    return quoted;
  }
}

function answerRefused(
  batch: readonly Checkpoint[],
  refused: readonly (readonly (string | null)[])[],
): void {
  const byPlace = new Map(refused.map((row) => [Number(row[0]), row]));
  batch.forEach((each, place) => {
    const row = byPlace.get(place);
    if (!row) each.resolve(each.value);
    else if (row[1] === "t") {
      each.reject(new LeaseLost(`attempt ${each.claim.claimNo} lost its lease`));
    } else each.resolve(row[2] == null ? undefined : JSON.parse(row[2]));
  });
}
