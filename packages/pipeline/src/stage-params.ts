/** Params that every stage has in common. */
import { isAbsolute } from "node:path";

import { z } from "zod";

import { isGroupId } from "./products/paths.ts";

export const groupIdParam = z
  .string()
  .refine(isGroupId, "expected a time such as 2026-01-25T22:26:05");

/** Absolute: a worker's own folder is nobody's business. */
export const pathParam = z.string().refine(isAbsolute, "expected an absolute path");
