/** Handlers that child processes load in the tests, and a worker process that runs executables. */
import { spawn } from "node:child_process";

import { z } from "zod";

import { defineTask, executable, type TaskContext, TaskError, startWorker } from "./index.ts";

export async function greet(params: { name: string }, context: TaskContext): Promise<object> {
  context.progress(0.5, "half");
  const { taskId } = await context.spawn({ task: note, params: { text: params.name } });
  console.log("printed by the child");
  return { text: `hello ${params.name}`, spawned: taskId, pid: process.pid, fence: context.fence };
}

const note = defineTask({ name: "note", params: z.strictObject({ text: z.string() }) });

export const defined = defineTask({
  name: "defined",
  params: z.unknown(),
  handler: (_params, context) => ({ attempt: context.attempt }),
});

export function fails(): never {
  throw new TaskError("fatal", "no such dish", { tag: "NoDish", fields: { dish: 7 } });
}

export function crashes(): void {
  process.stderr.write("last words\n");
  process.kill(process.pid, "SIGSEGV");
}

export function devours(): number {
  const kept: number[][] = [];
  while (kept.length < 1e6) kept.push(Array.from({ length: 10_000 }, (_, index) => index + 0.5));
  return kept.length;
}

export function blocks(): Promise<never> {
  const grandchild = spawn("sleep", ["1000"]);
  console.log(`grandchild ${grandchild.pid}`);
  // Give the line time to leave, then hear nothing any more.
  return new Promise(() => {
    setTimeout(() => {
      while (performance.now() > 0);
    }, 100);
  });
}

export function gives(_params: unknown, context: TaskContext): Promise<string> {
  return new Promise((resolve) => {
    context.progress(0.1, "waiting");
    context.signal.addEventListener("abort", () => {
      console.log(`gave way: ${(context.signal.reason as Error).name}`);
      resolve("late");
    });
  });
}

if (process.argv[2] === "worker") {
  const [, , , url, script] = process.argv;
  await startWorker({
    connectionString: url!,
    tasks: [
      defineTask({
        name: "orphan",
        params: z.unknown(),
        handler: executable({ command: script! }),
      }),
    ],
  });
  process.stdout.write("ready\n");
}
