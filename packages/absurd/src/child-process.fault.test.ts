/** Handlers in child processes: what they say, how they end, and that nothing is left. */
import assert from "node:assert/strict";

import { describe, test } from "vitest";
import { z } from "zod";

import { freshDatabase, until } from "@contimg/testkit";

import {
  type AnyTask,
  childProcess,
  type ChildProcessOptions,
  defineTask,
  type TaskView,
} from "./index.ts";
import { readIdentity } from "./process-tree.ts";
import { assertGone, FIXTURE, MIB, OutsideStage } from "./testing/outside-stage.ts";

const stage = new OutsideStage(freshDatabase());
const { logged } = stage;

describe("a handler in a child process", () => {
  test("has its context there: progress, spawn, fence, log and result", async () => {
    const task = await runChild("greet", {}, { name: "world" }, [
      defineTask({ name: "note", params: z.unknown() }),
    ]);
    assert.equal(task.status, "completed", JSON.stringify(task.error));
    const result = task.result as { text: string; spawned: string; pid: number };
    assert.equal(result.text, "hello world");
    assert.notEqual(result.pid, process.pid);
    const child = await stage.client.show(result.spawned);
    assert.deepEqual([child.taskName, child.params], ["note", { text: "world" }]);
    assert.ok(logged.includes("printed by the child"));
  });

  test("may be a task definition", async () => {
    assert.deepEqual((await runChild("defined")).result, { attempt: 1 });
  });

  test("throws its errors as in the worker", async () => {
    const { error } = await runChild("fails");
    assert.deepEqual(
      [error?.tag, error?.class, error?.message, error?.fields],
      ["NoDish", "fatal", "no such dish", { dish: 7 }],
    );
  });

  test("that crashes fails the attempt with the signal and its last words", async () => {
    const { error } = await runChild("crashes");
    assert.deepEqual([error?.tag, error?.fields["signal"]], ["KilledBySignal", "SIGSEGV"]);
    assert.deepEqual(error?.fields["outputTail"], ["last words"]);
  });

  test("that takes too much memory fails as OutOfMemory, and the worker lives", async () => {
    const { error } = await runChild("devours", { limits: { memoryBytes: 256 * MIB } });
    assert.equal(error?.tag, "OutOfMemory");
  });

  test("that blocks its event loop is killed when cancelled, with what it started", async () => {
    const spawned = await startChild("blocks", { killGraceSeconds: 0.3 });
    const line = await until(() => logged.find((each) => each.startsWith("grandchild ")), {
      what: "the child has started its own child",
    });
    const grandchild = readIdentity(Number(line.split(" ")[1]))!;
    await stage.client.cancel(spawned, "clouds");
    const task = await stage.ended(spawned);
    assert.equal(task.status, "cancelled");
    assertGone([grandchild]);
  });

  test("hears the abort, and why", async () => {
    const spawned = await startChild("gives", { killGraceSeconds: 20 });
    await until(async () => (await stage.client.show(spawned)).place.progress !== null, {
      what: "the handler waits",
    });
    await stage.client.cancel(spawned, "clouds");
    const task = await stage.ended(spawned);
    assert.equal(task.status, "cancelled");
    assert.ok(logged.includes("gave way: TaskCancelled"));
  });
});

function runChild(
  name: string,
  options: Partial<ChildProcessOptions> = {},
  params: unknown = {},
  others: readonly AnyTask[] = [],
): Promise<TaskView> {
  return stage.run({ handler: fixture(name, options), params, others });
}

function startChild(name: string, options: Partial<ChildProcessOptions>): Promise<string> {
  return stage.start({ handler: fixture(name, options) });
}

function fixture(name: string, options: Partial<ChildProcessOptions>): AnyTask["handler"] {
  return childProcess({ ...options, module: FIXTURE, export: name });
}
