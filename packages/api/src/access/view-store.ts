/** Saved views: a page's terms with columns under a name, one's own or shared. */
import type { ViewPage, ViewTerms } from "@contimg/contract";
import type pg from "pg";

import { ApiError } from "../problem.ts";

export interface ViewContent {
  readonly name: string;
  readonly terms: ViewTerms;
  readonly columns: readonly string[];
  readonly shared: boolean;
}

export interface ViewRow extends ViewContent {
  readonly view_id: string;
  readonly page: ViewPage;
  readonly owner: string;
  readonly columns: string[];
  readonly updated_at: Date;
}

const COLUMNS = "view_id, owner, name, page, terms, columns, shared, updated_at";
const UNIQUE_VIOLATION = "23505";

export class ViewStore {
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /** Those of the owner, and those that others share. */
  async list(owner: string, page: ViewPage | undefined): Promise<ViewRow[]> {
    const { rows } = await this.#pool.query<ViewRow>(
      `select ${COLUMNS} from absurd_api.view
        where (owner = $1 or shared) and ($2::text is null or page = $2)
        order by name, view_id`,
      [owner, page ?? null],
    );
    return rows;
  }

  /**
   * It stays, so that what a change says can be judged by it.
   *
   * @throws {ApiError} NOT_FOUND also for somebody else's
   */
  async pageOf(viewId: string, owner: string): Promise<ViewPage> {
    const { rows } = await this.#pool.query<{ page: ViewPage }>(
      "select page from absurd_api.view where view_id = $1 and owner = $2",
      [viewId, owner],
    );
    if (!rows[0]) throw notYours();
    return rows[0].page;
  }

  /** @throws {ApiError} ALREADY_EXISTS */
  create(owner: string, page: ViewPage, view: ViewContent): Promise<ViewRow> {
    return this.#write(
      view.name,
      `insert into absurd_api.view (owner, page, name, terms, columns, shared)
       values ($1, $2, $3, $4, $5, $6) returning ${COLUMNS}`,
      [owner, page, view.name, view.terms, view.columns, view.shared],
    );
  }

  /** @throws {ApiError} NOT_FOUND also for somebody else's, ALREADY_EXISTS */
  update(viewId: string, owner: string, change: ViewChange): Promise<ViewRow> {
    return this.#write(
      change.name ?? "",
      `update absurd_api.view
          set name = coalesce($3, name), terms = coalesce($4, terms),
              columns = coalesce($5, columns), shared = coalesce($6, shared),
              updated_at = absurd.clock()
        where view_id = $1 and owner = $2 returning ${COLUMNS}`,
      [
        viewId,
        owner,
        change.name ?? null,
        change.terms ?? null,
        change.columns ?? null,
        change.shared ?? null,
      ],
    );
  }

  /** @throws {ApiError} NOT_FOUND */
  async remove(viewId: string, owner: string): Promise<void> {
    const { rowCount } = await this.#pool.query(
      "delete from absurd_api.view where view_id = $1 and owner = $2",
      [viewId, owner],
    );
    if (rowCount === 0) throw notYours();
  }

  async #write(name: string, statement: string, values: unknown[]): Promise<ViewRow> {
    try {
      const { rows } = await this.#pool.query<ViewRow>(statement, values);
      if (rows[0]) return rows[0];
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === UNIQUE_VIOLATION))
        throw error;
      throw new ApiError("ALREADY_EXISTS", `you have a view "${name}" on this page already`);
    }
    throw notYours();
  }
}

export type ViewChange = {
  readonly [Key in keyof ViewContent]?: ViewContent[Key] | undefined;
};

function notYours(): ApiError {
  return new ApiError("NOT_FOUND", "you have no such view; views that others share are theirs");
}
