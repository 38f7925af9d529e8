/** What a person can do about a failure, by the tag of its error. */

export interface FailureHint {
  /** One sentence: what to look at, and what to do next. */
  readonly hint: string;
  /** The page with the whole procedure: a file of the server's runbook folder. */
  readonly runbook?: string | undefined;
}

/** By error tag. Those of a program's own errors are the caller's; they win over the engine's. */
export type FailureHints = Readonly<Record<string, FailureHint>>;

/** Of the errors that the engine makes itself. */
const ENGINE_HINTS: FailureHints = {
  TimedOut: {
    hint:
      "An attempt ran longer than the task's timeout. Compare with the usual run time of its " +
      "name; raise the timeout, or look for what was slow in the log.",
  },
  DeadlineExceeded: {
    hint:
      "The task's deadline passed before it was done. Its work is late: spawn it anew if it" +
      " is still wanted.",
  },
  LeaseLost: {
    hint:
      "The worker stopped beating while it ran the task: it was killed, ran out of memory or " +
      "lost the network. Look at the workers and at the machine's log, then retry.",
  },
  OutOfMemory: {
    hint:
      "A process was killed for want of memory. Run fewer at once on that machine, or give " +
      "it more; then retry.",
  },
  KilledBySignal: {
    hint:
      "Somebody or something killed the task's process. The error's fields name the signal;" +
      " the log has its last lines.",
  },
  ExitedWithCode: {
    hint:
      "A program ended with an error. The error's fields have its exit code and the end of " +
      "its output.",
  },
  OutputTooLarge: {
    hint:
      "A program gave a result that is too large to keep. Let it write a file and give its " +
      "path.",
  },
  CannotStart: {
    hint:
      "A program could not be started. Check that it is installed on that worker, and its " +
      "path.",
  },
  CannotStop: {
    hint:
      "A program did not end when it was killed. Look for it on that machine before the " +
      "task is retried.",
  },
  LimitsUnavailable: {
    hint:
      "The machine cannot hold a process to its limits. Give the worker its control group, " +
      "or take the limits away.",
  },
  InvalidParams: {
    hint:
      "The params do not fit the task's schema and never will. Spawn it again with the " +
      "params corrected.",
  },
  ParamsRefBroken: {
    hint: "The params lie in a file that cannot be read or has changed. Put it back, then retry.",
  },
  AwaitCycle: {
    hint:
      "The task waits for one that waits for it. One of the two must go on without the " +
      "other: change the handler.",
  },
  TaskFailed: {
    hint: "A task that it awaited failed. Mend that one first; the error's fields have its id.",
  },
  FanOutFailed: {
    hint: "Elements of its fan-out failed. Look at them by the filter parent: and this task's id.",
  },
  NotAnError: {
    hint:
      "The handler threw something that is no error. Its message is all that is known: mend" +
      " the handler.",
  },
};

export function hintOf(
  hints: FailureHints,
  tag: string | null,
): { readonly hint: string | null; readonly runbook: string | null } {
  const found = tag === null ? undefined : (ownValue(hints, tag) ?? ownValue(ENGINE_HINTS, tag));
  return { hint: found?.hint ?? null, runbook: found?.runbook ?? null };
}

/** A tag is any text, "constructor" too. */
function ownValue(hints: FailureHints, tag: string): FailureHint | undefined {
  return Object.hasOwn(hints, tag) ? hints[tag] : undefined;
}
