/**
 * Any executable as a task's handler.
 *
 * It reads its params as JSON on standard input and finds who it is in its environment. It may
 * write messages on standard output, one JSON object a line: {"progress": 0.5, "note": "…"},
 * {"log": {…}}, {"result": …}, {"error": {"class", "tag", "message", "fields"}}. All other lines,
 * and standard error, are the task's log. Exit code 0 without a result is the result null.
 */
import { z } from "zod";

import { TaskError } from "../errors.ts";
import type { Json, TaskContext } from "../task.ts";
import { type Line, readBoundedLines } from "./bounded-lines.ts";
import type { ProcessLimits } from "./limits.ts";
import { markOutside } from "./outside-handlers.ts";
import { type ExitMeaning, processFailure } from "./process-failure.ts";
import { runOutside } from "./run-outside.ts";
import { TaskOutput } from "./task-output.ts";

export interface ExecutableOptions {
  /** A path, or a name to look for in PATH. */
  readonly command: string;
  readonly args?: readonly string[];
  /** Added to the worker's environment, of which the database's address is withheld. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly limits?: ProcessLimits;
  /** Between SIGTERM and SIGKILL. Default 5; below the worker's abortGraceSeconds. */
  readonly killGraceSeconds?: number;
  /** What exit codes mean, such as { 64: "validation" }. Default: all are retryable. */
  readonly exitCodes?: Readonly<Record<number, ExitMeaning>>;
}

/** Of one line on standard output: a result larger than that belongs into a file. */
const LINE_BYTES_MAX = 1_048_576;

const messageSchema = z.union([
  z.strictObject({ progress: z.number(), note: z.string().default("") }),
  z.strictObject({ log: z.union([z.record(z.string(), z.json()), z.string()]) }),
  z.strictObject({ result: z.json() }),
  z.strictObject({
    error: z.strictObject({
      class: z.enum(["retryable", "recoverable", "fatal", "validation"]).default("retryable"),
      tag: z.string().default("Error"),
      message: z.string(),
      fields: z.record(z.string(), z.json()).default({}),
    }),
  }),
]);

type Message = z.infer<typeof messageSchema>;

/** What a run outside needs of its task's context; a program without tasks can make one. */
export type OutsideContext = Pick<
  TaskContext,
  "taskId" | "taskName" | "attempt" | "fence" | "signal" | "log" | "progress"
>;

/** A handler that runs `command` once for each attempt. */
export function executable(
  options: ExecutableOptions,
): (params: unknown, context: OutsideContext) => Promise<Json> {
  return markOutside(async (params, context) => {
    const output = new TaskOutput(context.log, {
      taskId: context.taskId,
      attempt: context.attempt,
    });
    const messages = new Messages(context, output);
    const end = await runOutside({
      command: [options.command, ...(options.args ?? [])],
      cwd: options.cwd,
      env: { ...options.env, ...identityVariables(context) },
      limits: options.limits ?? {},
      killGraceSeconds: options.killGraceSeconds ?? 5,
      signal: context.signal,
      onStart: ({ stdin, stdout, stderr }) => {
        readBoundedLines(stdout!, LINE_BYTES_MAX, (line) => {
          messages.take(line);
        });
        readBoundedLines(stderr!, LINE_BYTES_MAX, (line) => {
          output.add("stderr", line);
        });
        stdin!.end(JSON.stringify(params ?? null));
      },
    });
    context.signal.throwIfAborted();
    if (messages.error) throw messages.error;
    if (end.exitCode === 0) return messages.result ?? null;
    throw processFailure({
      ...end,
      program: options.command,
      output,
      exitCodes: options.exitCodes ?? {},
    });
  });
}

/** By which any program can say for whom it writes; see absurd.hold_fence. */
export function identityVariables(context: OutsideContext): Record<string, string> {
  return {
    ABSURD_FENCE: context.fence,
    ABSURD_TASK_ID: context.taskId,
    ABSURD_TASK_NAME: context.taskName,
    ABSURD_ATTEMPT: String(context.attempt),
  };
}

/** The messages of one run; the last result and the first error count. */
class Messages {
  readonly #context: OutsideContext;
  readonly #output: TaskOutput;
  result: Json | undefined;
  error: TaskError | undefined;

  constructor(context: OutsideContext, output: TaskOutput) {
    this.#context = context;
    this.#output = output;
  }

  take(line: Line): void {
    const message = line.isCut ? undefined : parseMessage(line.text);
    if (message) {
      this.#apply(message);
      return;
    }
    this.#output.add("stdout", line);
    if (line.isCut && /^\{\s*"(result|error)"/.test(line.text)) {
      this.error ??= new TaskError(
        "fatal",
        `a result or error is longer than ${LINE_BYTES_MAX} bytes; pass large values by reference`,
        { tag: "OutputTooLarge" },
      );
    }
  }

  #apply(message: Message): void {
    if ("progress" in message) {
      this.#context.progress(Math.min(1, Math.max(0, message.progress)), message.note);
    } else if ("log" in message) {
      this.#output.add("stdout", { text: logText(message.log), isCut: false });
    } else if ("result" in message) {
      this.result = message.result;
    } else {
      const { class: errorClass, tag, message: text, fields } = message.error;
      this.error ??= new TaskError(errorClass, text, { tag, fields });
    }
  }
}

function logText(log: Readonly<Record<string, unknown>> | string): string {
  return typeof log === "string" ? log : JSON.stringify(log);
}

function parseMessage(text: string): Message | undefined {
  if (!text.startsWith("{")) return undefined;
  try {
    return messageSchema.safeParse(JSON.parse(text)).data;
  } catch {
    // A line that happens to begin with a brace.
    return undefined;
  }
}
