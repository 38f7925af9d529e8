/** The one kind of task of the histories: its params say what happens when it runs. */
import { z } from "zod";

export const stepParams = z.strictObject({
  token: z.string(),
  /** Time between its beginning and its effect. */
  ms: z.number(),
  /** Has an effect when it begins, too: what is stale shows as one of an older claim after it. */
  begins: z.boolean(),
  /** Its effect and its completion in one transaction; else it returns after its effect. */
  isAtomic: z.boolean(),
  /** Fails in its attempts up to this one. */
  failsUpTo: z.number(),
  errorClass: z.enum(["retryable", "fatal"]),
  /** Stops when it is told to; else only the database stands in its way. */
  heedsAbort: z.boolean(),
  spawnsChild: z.boolean(),
  /** Keeps a step, sleeps and awaits a child: each a new attempt that goes on where it was. */
  isDurable: z.boolean(),
  /** Of a durable one: a second or more gives up the lease meanwhile. */
  sleepSeconds: z.number(),
  /** A durable one waits for this event, too. */
  event: z.string().optional(),
  /** After its effect it holds up its whole process. */
  blocksMs: z.number(),
  /** In its result. */
  flux: z.number(),
  fireAt: z.string().optional(),
});

export type StepParams = z.infer<typeof stepParams>;

export const STEP = { name: "step", params: stepParams, maxRetries: 5 } as const;

export const PLAIN: Omit<StepParams, "token"> = {
  ms: 0,
  begins: true,
  isAtomic: true,
  failsUpTo: 0,
  errorClass: "retryable",
  heedsAbort: false,
  spawnsChild: false,
  isDurable: false,
  sleepSeconds: 0.02,
  blocksMs: 0,
  flux: 0,
};

/** Of each worker process. */
export const CAPACITY = { cpu: 4 } as const;

/** So that what failed while things broke is over soon after. */
export const QUICK = { backoffSeconds: 0.05, backoffSecondsMax: 0.4 } as const;
