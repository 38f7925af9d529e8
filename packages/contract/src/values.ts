/** Values that many resources have. */
import { z } from "zod";

/** A UTC instant as ISO 8601 with Z. */
export const instant = z.iso.datetime();

/** Any JSON. */
export const jsonValue = z.json();

export const jsonObject = z.record(z.string(), z.json());

/** A name that people choose: of a queue, a task, a schedule, a view. */
export const name = z.string().min(1).max(200);

export const taskIdParam = z.strictObject({ task_id: z.uuid() });

/** Why a person did it; kept in the audit log. */
export const reason = z.string().trim().min(1).max(500);

/** A page of a list. Give `next_cursor` back for the next one; null on the last. */
export const pageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(500).default(100),
  cursor: z.string().max(500).optional(),
});

export const nextCursor = z.string().nullable();

/** `true` and `false` in a query. */
export const flag = z.enum(["true", "false"]).transform((text) => text === "true");

/** How many. */
export const count = z.int().min(0);
