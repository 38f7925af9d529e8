/**
 * `Idempotency-Key`: a second request with the key of a first gets the first one's answer.
 *
 * Only answers of success are kept: what was refused changed nothing and may be asked again. A
 * process that dies between doing and noting lets go of the key after a minute, and the next
 * request with it does the thing again. Spawns, firings by hand and actions on many tasks are done
 * under the work's name, and found done; other writes come to the same when they are done twice.
 */
import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";

import type pg from "pg";

import type { Call } from "../handler.ts";
import { ApiError } from "../problem.ts";

export interface KeyedRequest {
  readonly key: string;
  /** Method, path with query, and body. */
  readonly content: readonly unknown[];
  /** Of a good answer. */
  readonly status: number;
}

const KEY = /^[\x21-\x7e]{1,200}$/;
const HELD_SECONDS = 60;
const KEPT_HOURS = 24;
/** How long a duplicate waits for the first one's answer. */
const WAIT_MS = 10_000;
const LOOK_MS = 100;

type Beginning =
  | { readonly what: "begun"; readonly workId: string }
  | { readonly what: "other-request" }
  | { readonly what: "running" }
  | { readonly what: "answered"; readonly answer: unknown };

interface KeyRow {
  is_same: boolean;
  status: number | null;
  answer: unknown;
}

export class IdempotencyStore {
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /**
   * Does the work, or gives the answer of who did it under this key. The work is told its name.
   * @throws {ApiError} IDEMPOTENCY_CONFLICT, CONFLICT while the first is still at it
   */
  async once(
    request: KeyedRequest,
    call: Call,
    work: (workId: string) => Promise<unknown>,
  ): Promise<{ answer: unknown; isReplay: boolean }> {
    assertKey(request.key);
    const beginning = await this.#begin(request, call);
    if (beginning.what === "answered") return { answer: beginning.answer, isReplay: true };
    try {
      const answer = await work(beginning.workId);
      await this.#finish(request, call, answer);
      return { answer, isReplay: false };
    } catch (error) {
      // When this fails, too, the key is let go with time.
      await this.#abandon(request, call).catch(() => undefined);
      throw error;
    }
  }

  async #begin(
    request: KeyedRequest,
    call: Call,
  ): Promise<Extract<Beginning, { what: "begun" | "answered" }>> {
    const endMs = performance.now() + WAIT_MS;
    while (true) {
      const found = await this.#tryBegin(request, call);
      if (found.what === "other-request") {
        throw new ApiError(
          "IDEMPOTENCY_CONFLICT",
          `the key "${request.key}" was used for another request; take a new one`,
        );
      }
      if (found.what !== "running") return found;
      if (performance.now() > endMs) {
        throw new ApiError(
          "CONFLICT",
          `the first request with the key "${request.key}" is still being answered; ask again`,
          { retryAfterSeconds: 1 },
        );
      }
      await pause(LOOK_MS, undefined, { signal: call.signal });
    }
  }

  async #tryBegin({ key, content }: KeyedRequest, call: Call): Promise<Beginning> {
    const hash = createHash("sha256").update(JSON.stringify(content)).digest();
    const { rows: begun } = await this.#pool.query<{ work_id: string }>(
      `insert into absurd_api.idempotency as i
         (actor, key, request_hash, request_id, held_until, expires_at)
       values ($1, $2, $3, $4, absurd.clock() + make_interval(secs => $5),
               absurd.clock() + make_interval(hours => $6))
       on conflict (actor, key) do update
          set request_hash = excluded.request_hash, request_id = excluded.request_id,
              held_until = excluded.held_until, expires_at = excluded.expires_at,
              status = null, answer = null,
              work_id = case when i.expires_at <= absurd.clock()
                             then excluded.work_id else i.work_id end
        where i.expires_at <= absurd.clock()
           or (i.status is null and i.held_until <= absurd.clock()
               and i.request_hash = excluded.request_hash)
       returning work_id`,
      [call.actor, key, hash, call.requestId, HELD_SECONDS, KEPT_HOURS],
    );
    if (begun[0]) return { what: "begun", workId: begun[0].work_id };
    const { rows } = await this.#pool.query<KeyRow>(
      `select request_hash = $3 as is_same, status, answer
         from absurd_api.idempotency where actor = $1 and key = $2`,
      [call.actor, key, hash],
    );
    const [row] = rows;
    // None: its holder has just let go of it.
    if (!row) return { what: "running" };
    if (!row.is_same) return { what: "other-request" };
    return row.status === null ? { what: "running" } : { what: "answered", answer: row.answer };
  }

  async #finish({ key, status }: KeyedRequest, call: Call, answer: unknown): Promise<void> {
    await this.#pool.query(
      `update absurd_api.idempotency set status = $4, answer = $5
        where actor = $1 and key = $2 and request_id = $3`,
      [call.actor, key, call.requestId, status, JSON.stringify(answer ?? null)],
    );
  }

  async #abandon({ key }: KeyedRequest, call: Call): Promise<void> {
    await this.#pool.query(
      `delete from absurd_api.idempotency
        where actor = $1 and key = $2 and request_id = $3 and status is null`,
      [call.actor, key, call.requestId],
    );
  }
}

/** @throws {ApiError} INVALID_PARAMS */
function assertKey(key: string): void {
  if (KEY.test(key)) return;
  const message = "expected 1 to 200 printable ASCII characters without spaces";
  throw new ApiError("INVALID_PARAMS", `the header Idempotency-Key: ${message}`, {
    faults: [{ field: "headers.idempotency-key", message }],
  });
}
