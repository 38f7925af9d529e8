/** What the two kinds of records hold, read back as strictly as anything from outside. */
import { z } from "zod";

export const outcomeRecordSchema = z.strictObject({
  fence: z.string(),
  /** "completed", or the class of absurd.fail_attempts. */
  ending: z.enum([
    "completed",
    "retryable",
    "recoverable",
    "fatal",
    "validation",
    "timeout",
    "cancelled",
    "released",
  ]),
  /** JSON as text: of the result, null for none, or of the error. */
  body: z.string().nullable(),
  /** Finding no lease is what is hoped for. */
  mayBeStale: z.boolean(),
});

export type OutcomeRecord = z.infer<typeof outcomeRecordSchema>;

const kindSchema = z.strictObject({
  name: z.string(),
  queue: z.string().optional(),
  maxRetries: z.number().optional(),
  timeoutSeconds: z.number().optional(),
});

export const spawnRecordSchema = z.strictObject({
  /** What the database knows of the tasks' definitions: registered if a name is unknown. */
  kinds: z.array(kindSchema),
  /** The argument of absurd.spawn_tasks, as text; each task has an idempotency key. */
  tasks: z.string(),
  keys: z.array(z.string()),
  fence: z.string().nullable(),
});

export type SpawnRecord = z.infer<typeof spawnRecordSchema>;
