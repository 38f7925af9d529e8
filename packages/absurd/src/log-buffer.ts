/**
 * Log lines of attempts on their way to the database: sent together, a few times a second, and
 * before an attempt ends. What handlers say is for people to read: the worker goes on without it.
 */
import { type Db, isTransient, run } from "./db.ts";
import type { Logger } from "./task.ts";
import type { Claim, WorkerIdentity } from "./worker-session.ts";

export type LogLevel = "info" | "warn" | "error";

interface Line {
  readonly claim: Claim;
  readonly at: Date;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: string | null;
}

export interface LogBufferHost {
  readonly identity: WorkerIdentity;
  readonly side: Db;
  readonly log: Logger;
  onError(error: unknown): void;
}

const GAP_MS = 250;
const BATCH_MAX = 1_000;
/** While the database is away. */
const LINES_MAX = 20_000;

export class LogBuffer {
  readonly #host: LogBufferHost;
  #lines: Line[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;

  constructor(host: LogBufferHost) {
    this.#host = host;
  }

  add(claim: Claim, level: LogLevel, message: string, fields: object): void {
    if (this.#lines.length >= LINES_MAX) this.#lines.shift();
    this.#lines.push({
      claim,
      at: new Date(),
      level,
      // PostgreSQL's text has no NUL.
      message: message.replaceAll("\u0000", "\ufffd"),
      fields: fieldsText(fields),
    });
    this.#timer ??= setTimeout(() => void this.flush(), GAP_MS);
  }

  /** Resolves when all that was added so far was sent, or could not be. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    // Lines added after a send began go with the next one, all callers' together.
    if (this.#sending) await this.#sending;
    if (this.#lines.length > 0) await (this.#sending ??= this.#sendAll());
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  async #sendAll(): Promise<void> {
    // Those who end in this turn of the event loop go together.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#lines.length > 0) {
      const batch = this.#lines.splice(0, BATCH_MAX);
      try {
        await this.#send(batch);
      } catch (error) {
        this.#host.onError(error);
        if (isTransient(error)) {
          this.#lines = [...batch, ...this.#lines];
          this.#timer ??= setTimeout(() => void this.flush(), GAP_MS * 4);
          break;
        }
      }
    }
    this.#sending = undefined;
  }

  async #send(batch: readonly Line[]): Promise<void> {
    const { workerId, epoch } = this.#host.identity;
    const [row] = await run<{ refused: number }>(
      this.#host.side,
      "select absurd.write_log($1, $2, $3, $4, $5, $6, $7, $8) as refused",
      [
        workerId,
        epoch.toString(),
        batch.map((line) => line.claim.taskNumber),
        batch.map((line) => line.claim.claimNo),
        batch.map((line) => line.at.toISOString()),
        batch.map((line) => line.level),
        batch.map((line) => line.message),
        batch.map((line) => line.fields),
      ],
    );
    if (row!.refused > 0) {
      const message = "log lines of attempts that have lost their lease were refused";
      this.#host.log.warn({ lines: row!.refused }, message);
    }
  }
}

/** JSON; null for no fields. */
function fieldsText(fields: object): string | null {
  try {
    const text = JSON.stringify(fields);
    return text === "{}" ? null : text;
  } catch (error) {
    // Circular, or bigint: the message must do.
    return JSON.stringify({ unprintable: String(error) });
  }
}

/** What a handler logs: to the worker's log, and from info on to the task's lines. */
export class TaskLog implements Logger {
  readonly #claim: Claim;
  readonly #log: Logger;
  readonly #buffer: LogBuffer;

  constructor(claim: Claim, log: Logger, buffer: LogBuffer) {
    this.#claim = claim;
    this.#log = log;
    this.#buffer = buffer;
  }

  debug(fields: object, message: string): void {
    this.#log.debug(fields, message);
  }

  info(fields: object, message: string): void {
    this.#log.info(fields, message);
    this.#buffer.add(this.#claim, "info", message, fields);
  }

  warn(fields: object, message: string): void {
    this.#log.warn(fields, message);
    this.#buffer.add(this.#claim, "warn", message, fields);
  }

  error(fields: object, message: string): void {
    this.#log.error(fields, message);
    this.#buffer.add(this.#claim, "error", message, fields);
  }
}
