/** A task name as the database has it registered: what can be spawned, and who can run it. */
import { z } from "zod";

import { jsonObject } from "./values.ts";

export const taskName = z.strictObject({
  task_name: z.string(),
  version: z.string(),
  /** The version that spawns take. */
  is_current: z.boolean(),
  queue_name: z.string(),
  params_schema: jsonObject.nullable(),
  /** Workers that are alive and can run it. */
  worker_count: z.int().min(0),
});
