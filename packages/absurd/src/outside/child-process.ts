/**
 * A handler that runs in a Node process of its own, with its context there: what blocks, crashes or
 * takes too much memory harms nobody else, and what does not heed an abort is killed.
 *
 * Every method of the context is a call to the worker; see remote-calls.ts.
 */
import type { ChildProcess } from "node:child_process";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isAbsolute } from "node:path";

import { TaskError } from "../errors.ts";
import type { Json, TaskContext } from "../task.ts";
import { readBoundedLines } from "./bounded-lines.ts";
import type { ContextFacts } from "./child-process-main.ts";
import { identityVariables } from "./executable.ts";
import type { ProcessLimits } from "./limits.ts";
import { markOutside } from "./outside-handlers.ts";
import { processFailure } from "./process-failure.ts";
import { type Callable, RemoteCalls } from "./remote-calls.ts";
import { runOutside } from "./run-outside.ts";
import { TaskOutput } from "./task-output.ts";

export interface ChildProcessOptions {
  /** URL or absolute path of a module. */
  readonly module: URL | string;
  /** The module's function (params, context), or its task definition. Default "default". */
  readonly export?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** memoryBytes also sets the size of V8's heap: three quarters of it. */
  readonly limits?: ProcessLimits;
  /** Between the abort and SIGKILL. Default 5; below the worker's abortGraceSeconds. */
  readonly killGraceSeconds?: number;
}

const CHILD_MAIN = fileURLToPath(new URL("./child-process-main.ts", import.meta.url));
const LINE_BYTES_MAX = 65_536;
const BYTES_PER_MIB = 1_048_576;
const HEAP_PART = 0.75;
/** Of the context, what is no business of the handler. */
const WITHHELD_METHODS = new Set(["constructor", "run", "abort"]);

/** A handler that runs in a child process for each attempt. The result must survive JSON. */
export function childProcess(
  options: ChildProcessOptions,
): (params: unknown, context: TaskContext) => Promise<Json> {
  const module = moduleUrl(options.module);
  return markOutside(async (params, context) => {
    const output = new TaskOutput(context.log, {
      taskId: context.taskId,
      attempt: context.attempt,
    });
    let outcome: Promise<unknown> | undefined;
    let calls: RemoteCalls | undefined;
    const end = await runOutside({
      command: [process.execPath, ...heapOptions(options.limits), CHILD_MAIN],
      cwd: options.cwd,
      env: { ...options.env, ...identityVariables(context) },
      limits: options.limits ?? {},
      killGraceSeconds: options.killGraceSeconds ?? 5,
      signal: context.signal,
      isIpc: true,
      onStart: (child) => {
        relayOutput(child, output);
        calls = connect(child, context);
        const facts = factsOf(context);
        outcome = calls.call("start", [module, options.export ?? "default", params, facts]);
        // Looked at when the process has ended; it may end without an answer.
        const hangUp = (): void => {
          if (child.connected) child.disconnect();
        };
        outcome.then(hangUp, hangUp);
      },
      onAbort: (reason) => {
        const { name, message } = reason instanceof Error ? reason : new Error(String(reason));
        calls?.call("abort", [name, message]).catch(() => undefined);
      },
    });
    const answer = await settled(outcome);
    if (answer && "error" in answer) throw answer.error;
    context.signal.throwIfAborted();
    if (answer) return (answer.value ?? null) as Json;
    throw processFailure({
      ...end,
      program: `the process of ${context.taskName}`,
      output,
      exitCodes: {},
    });
  });
}

function moduleUrl(module: URL | string): string {
  if (module instanceof URL) return module.href;
  if (/^[a-z]+:/.test(module)) return module;
  if (isAbsolute(module)) return pathToFileURL(module).href;
  throw new TypeError(`childProcess: module is "${module}", expected a URL or an absolute path`);
}

function heapOptions(limits: ProcessLimits | undefined): string[] {
  if (limits?.memoryBytes === undefined) return [];
  const heapMib = Math.max(16, Math.floor((limits.memoryBytes / BYTES_PER_MIB) * HEAP_PART));
  return [`--max-old-space-size=${heapMib}`];
}

function relayOutput(child: ChildProcess, output: TaskOutput): void {
  readBoundedLines(child.stdout!, LINE_BYTES_MAX, (line) => {
    output.add("stdout", line);
  });
  readBoundedLines(child.stderr!, LINE_BYTES_MAX, (line) => {
    output.add("stderr", line);
  });
  child.stdin!.end();
}

function connect(child: ChildProcess, context: TaskContext): RemoteCalls {
  const calls = new RemoteCalls({
    side: "parent",
    send: (message) => {
      // A process that is gone gets no answer; its end is reported by itself.
      if (child.connected) child.send(message, () => undefined);
    },
    method: (name) => methodOf(context, name),
  });
  child.on("message", (message) => {
    try {
      calls.receive(message);
    } catch (error) {
      // The module has sent a message of its own on the channel.
      context.log.warn({ taskId: context.taskId, error: String(error) }, "unknown message");
    }
  });
  return calls;
}

function methodOf(context: TaskContext, name: string): Callable {
  if (name.startsWith("log.")) {
    const level = name.slice(4);
    if (level === "debug" || level === "info" || level === "warn" || level === "error") {
      return (fields, message) => {
        context.log[level](fields as object, String(message));
      };
    }
  }
  const found: unknown = WITHHELD_METHODS.has(name) ? undefined : Reflect.get(context, name);
  if (typeof found === "function")
    return (...args) => Reflect.apply(found, context, args) as unknown;
  throw new TypeError(`a task's context has no method "${name}"`);
}

function factsOf(context: TaskContext): ContextFacts {
  const { taskId, taskName, attempt, fence } = context;
  return { taskId, taskName, attempt, fence };
}

/** What the process answered before it ended, if it did. */
async function settled(
  outcome: Promise<unknown> | undefined,
): Promise<{ value: unknown } | { error: unknown } | undefined> {
  const nothing = Symbol("nothing");
  try {
    // By now it has ended: what was not said will never be.
    const tick = new Promise((resolve) => setImmediate(resolve, nothing));
    const value = await Promise.race([outcome, tick]);
    return value === nothing || outcome === undefined ? undefined : { value };
  } catch (error) {
    return { error: restored(error) };
  }
}

/** TaskErrors keep their kind on the way; all others are known by their name. */
function restored(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof TaskError || error.name !== "TaskError") {
    return error;
  }
  const { errorClass, tag, fields } = error as Partial<TaskError>;
  const details = {
    ...(tag === undefined ? {} : { tag }),
    ...(fields === undefined ? {} : { fields }),
  };
  const restoredError = new TaskError(errorClass ?? "retryable", error.message, details);
  if (error.stack !== undefined) restoredError.stack = error.stack;
  return restoredError;
}
