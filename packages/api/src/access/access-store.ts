/** Tokens and sessions in the database. */
import type { Role } from "@contimg/contract";
import type pg from "pg";

import { ApiError } from "../problem.ts";
import { hashOf, newSessionSecret, newTokenSecret } from "./secret.ts";

export interface TokenView {
  readonly tokenId: string;
  readonly name: string;
  readonly role: Role;
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly expiresAt: Date | null;
  readonly lastUsedAt: Date | null;
}

/** Who holds a secret that is good now. */
export interface Holder {
  readonly tokenId: string;
  readonly name: string;
  readonly role: Role;
  readonly expiresAt: Date | null;
}

export interface NewToken {
  readonly name: string;
  readonly role: Role;
  readonly createdBy: string;
  readonly expiresInDays?: number | undefined;
}

interface TokenRow {
  token_id: string;
  name: string;
  role: Role;
  created_at: Date;
  created_by: string;
  expires_at: Date | null;
  last_used_at: Date | null;
}

const TOKEN_COLUMNS = "token_id, name, role, created_at, created_by, expires_at, last_used_at";

/** A night and the day after it. */
export const SESSION_HOURS = 24;

const UNIQUE_VIOLATION = "23505";

export class AccessStore {
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  async listTokens(): Promise<TokenView[]> {
    const { rows } = await this.#pool.query<TokenRow>(
      `select ${TOKEN_COLUMNS} from absurd_api.token where revoked_at is null order by created_at`,
    );
    return rows.map(tokenOf);
  }

  /** The secret is given once. @throws {ApiError} ALREADY_EXISTS */
  async createToken(wanted: NewToken, secret = newTokenSecret()): Promise<TokenView & Secret> {
    try {
      const { rows } = await this.#pool.query<TokenRow>(
        `insert into absurd_api.token (name, role, secret_hash, created_by, expires_at)
         values ($1, $2, $3, $4, absurd.clock() + make_interval(secs => $5::float8 * 86400))
         returning ${TOKEN_COLUMNS}`,
        [wanted.name, wanted.role, hashOf(secret), wanted.createdBy, wanted.expiresInDays ?? null],
      );
      return { ...tokenOf(rows[0]!), secret };
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === UNIQUE_VIOLATION))
        throw error;
      throw new ApiError(
        "ALREADY_EXISTS",
        `there is a token "${wanted.name}"; take another name or revoke it first`,
      );
    }
  }

  /** Makes the secret one of a token of that name: for a secret that is kept in a file. */
  async ensureToken(name: string, role: Role, secret: string): Promise<void> {
    if (await this.findHolder(secret)) return;
    await this.#pool.query(
      `update absurd_api.token set revoked_at = absurd.clock()
        where name = $1 and revoked_at is null`,
      [name],
    );
    await this.createToken({ name, role, createdBy: "absurd serve" }, secret);
  }

  /** Its sessions end with it. False: there is no such token. */
  async revokeToken(tokenId: string): Promise<boolean> {
    const { rowCount } = await this.#pool.query(
      `with revoked as (
         update absurd_api.token set revoked_at = absurd.clock()
          where token_id = $1 and revoked_at is null returning token_id
       ),
       ended as (delete from absurd_api.session s using revoked r where s.token_id = r.token_id)
       select from revoked`,
      [tokenId],
    );
    return rowCount === 1;
  }

  /** Notes the use, at most once a minute. */
  async findHolder(secret: string): Promise<Holder | undefined> {
    const { rows } = await this.#pool.query<TokenRow>(
      `with holder as materialized (
         select ${TOKEN_COLUMNS} from absurd_api.token
          where secret_hash = $1 and revoked_at is null
            and (expires_at is null or expires_at > absurd.clock())
       ),
       noted as (
         update absurd_api.token t set last_used_at = absurd.clock() from holder h
          where t.token_id = h.token_id
            and (t.last_used_at is null or t.last_used_at < absurd.clock() - interval '1 minute')
       )
       select * from holder`,
      [hashOf(secret)],
    );
    return rows[0] && holderOf(rows[0]);
  }

  /** Ends with its token, and after a day. */
  async openSession(holder: Holder): Promise<Secret & { readonly expiresAt: Date }> {
    const secret = newSessionSecret();
    const { rows } = await this.#pool.query<{ expires_at: Date }>(
      `insert into absurd_api.session (secret_hash, token_id, expires_at)
       values ($1, $2, least(absurd.clock() + make_interval(hours => $3), $4::timestamptz))
       returning expires_at`,
      [hashOf(secret), holder.tokenId, SESSION_HOURS, holder.expiresAt],
    );
    return { secret, expiresAt: rows[0]!.expires_at };
  }

  async findSession(secret: string): Promise<Holder | undefined> {
    const { rows } = await this.#pool.query<TokenRow>(
      `select t.token_id, t.name, t.role, t.created_at, t.created_by, s.expires_at, t.last_used_at
         from absurd_api.session s join absurd_api.token t on t.token_id = s.token_id
        where s.secret_hash = $1 and s.expires_at > absurd.clock() and t.revoked_at is null
          and (t.expires_at is null or t.expires_at > absurd.clock())`,
      [hashOf(secret)],
    );
    return rows[0] && holderOf(rows[0]);
  }

  async closeSession(secret: string): Promise<void> {
    await this.#pool.query("delete from absurd_api.session where secret_hash = $1", [
      hashOf(secret),
    ]);
  }

  /** Removes what has expired. */
  async sweep(): Promise<void> {
    await this.#pool.query("delete from absurd_api.session where expires_at <= absurd.clock()");
    await this.#pool.query("delete from absurd_api.idempotency where expires_at <= absurd.clock()");
  }
}

interface Secret {
  readonly secret: string;
}

function tokenOf(row: TokenRow): TokenView {
  return {
    tokenId: row.token_id,
    name: row.name,
    role: row.role,
    createdAt: row.created_at,
    createdBy: row.created_by,
    expiresAt: row.expires_at,
    lastUsedAt: row.last_used_at,
  };
}

function holderOf(row: TokenRow): Holder {
  return { tokenId: row.token_id, name: row.name, role: row.role, expiresAt: row.expires_at };
}
