/** The audit log: every write, also one that was refused. */
import type { Role } from "@contimg/contract";
import type pg from "pg";

import { ApiError } from "../problem.ts";

export interface AuditNote {
  readonly at: Date;
  readonly actor: string;
  readonly role: Role;
  /** The route's name. */
  readonly action: string;
  readonly target: string;
  readonly reason: string | null;
  /** What was asked for, secrets masked. */
  readonly detail: unknown;
  readonly status: number;
  readonly requestId: string;
}

export interface AuditFilter {
  readonly actor?: string | undefined;
  readonly action?: string | undefined;
  readonly target?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

export interface AuditRow extends AuditNote {
  readonly auditId: string;
}

interface Row {
  audit_id: string;
  at: Date;
  actor: string;
  role: Role;
  action: string;
  target: string;
  reason: string | null;
  detail: unknown;
  status: number;
  request_id: string;
}

export class AuditStore {
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  async add(notes: readonly AuditNote[]): Promise<void> {
    await this.#pool.query(
      `insert into absurd_api.audit
         (at, actor, role, action, target, reason, detail, status, request_id)
       select n.at, n.actor, n.role, n.action, n.target, n.reason, n.detail, n.status, n.request_id
         from jsonb_to_recordset($1::jsonb) as n(
           at timestamptz, actor text, role text, action text, target text, reason text,
           detail jsonb, status integer, request_id text)`,
      [JSON.stringify(notes.map(({ requestId, ...note }) => ({ ...note, request_id: requestId })))],
    );
  }

  /** Latest first. @throws {ApiError} INVALID_CURSOR */
  async list(
    filter: AuditFilter,
    page: { readonly cursor?: string | undefined; readonly limit: number },
  ): Promise<{ entries: AuditRow[]; cursor: string | null }> {
    const { cursor, limit } = page;
    if (cursor !== undefined && !/^\d{1,18}$/.test(cursor)) {
      throw new ApiError("INVALID_CURSOR", `"${cursor}" is not a cursor of the audit log`);
    }
    const { rows } = await this.#pool.query<Row>(
      `select audit_id, at, actor, role, action, target, reason, detail, status, request_id
         from absurd_api.audit
        where ($1::bigint is null or audit_id < $1)
          and ($2::text is null or actor = $2) and ($3::text is null or action = $3)
          and ($4::text is null or position(lower($4) in lower(target)) > 0)
          and ($5::timestamptz is null or at >= $5) and ($6::timestamptz is null or at < $6)
        order by audit_id desc limit $7`,
      [
        cursor ?? null,
        filter.actor ?? null,
        filter.action ?? null,
        filter.target ?? null,
        filter.from ?? null,
        filter.to ?? null,
        limit + 1,
      ],
    );
    const entries = rows.slice(0, limit).map(entryOf);
    return { entries, cursor: rows.length > limit ? (entries.at(-1)?.auditId ?? null) : null };
  }
}

function entryOf(row: Row): AuditRow {
  const { audit_id, request_id, ...rest } = row;
  return { auditId: audit_id, requestId: request_id, ...rest };
}
