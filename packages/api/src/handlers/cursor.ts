/** Cursors of lists that are ordered by an id: the id after which a page begins. */
import { z } from "zod";

import { ApiError } from "../problem.ts";

const uuid = z.guid();

/** @throws {ApiError} INVALID_CURSOR */
export function uuidCursor(cursor: string | undefined): string | undefined {
  if (cursor === undefined || uuid.safeParse(cursor).success) return cursor;
  throw new ApiError(
    "INVALID_CURSOR",
    `cursor is "${cursor.slice(0, 100)}", expected the next_cursor of a page; begin without one`,
    { faults: [{ field: "query.cursor", message: "expected the next_cursor of a page" }] },
  );
}
