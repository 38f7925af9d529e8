/** Cursors of lists: the id after which a page begins, or a time and an id. */
import { z } from "zod";

import { ApiError } from "../problem.ts";

const uuid = z.guid();

const TIME_AND_ID = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z_[0-9a-f-]{36}$/;

/** @throws {ApiError} INVALID_CURSOR */
export function uuidCursor(cursor: string | undefined): string | undefined {
  if (cursor === undefined || uuid.safeParse(cursor).success) return cursor;
  throw invalidCursor();
}

/** Of a list in the order of time. @throws {ApiError} INVALID_CURSOR */
export function timeCursor(cursor: string | undefined): string | undefined {
  if (cursor === undefined || TIME_AND_ID.test(cursor)) return cursor;
  throw invalidCursor();
}

/** Of a list in the order of numbers; null without one. @throws {ApiError} INVALID_CURSOR */
export function numberCursor(cursor: string | undefined): string | null {
  if (cursor === undefined) return null;
  if (/^\d{1,18}$/.test(cursor)) return cursor;
  throw invalidCursor();
}

function invalidCursor(): ApiError {
  const message = "expected the next_cursor of a page";
  return new ApiError("INVALID_CURSOR", `cursor: ${message}; begin without one`, {
    faults: [{ field: "query.cursor", message }],
  });
}
