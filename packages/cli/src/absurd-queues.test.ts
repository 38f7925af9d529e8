/** The commands for queues and workers: real processes, a real database. */
import assert from "node:assert/strict";

import { beforeAll, describe, test } from "vitest";
import { z } from "zod";

import { AbsurdClient, defineTask, startWorker } from "@contimg/absurd";
import { freshDatabase } from "@contimg/testkit";

import { runAbsurd } from "./testing/run-absurd.ts";

const database = freshDatabase();
const idle = defineTask({ name: "idle", params: z.strictObject({}), handler: () => null });
let client: AbsurdClient;

beforeAll(async () => {
  client = new AbsurdClient(database.pool(), { tasks: [idle] });
  await client.registerTasks();
});

async function run(args: readonly string[]): Promise<{ exitCode: number | null; output: string }> {
  const { exitCode, output, errors } = await runAbsurd(args, database.url);
  return { exitCode, output: output + errors };
}

describe("absurd queues", () => {
  test("configures and lists a queue", async () => {
    const settings = ["--pending-max", "1", "--running-max", "2", "--weight", "3"];
    const set = await run(["queues", "configure", "night", ...settings, "--mode", "aging"]);
    assert.equal(set.exitCode, 0, set.output);
    const again = await run(["queues", "configure", "night", "--pending-max", "none"]);
    assert.equal(again.exitCode, 0, again.output);
    assert.match(
      (await run(["queues", "list"])).output,
      /night +open +0 +0 +0 +0 of 2 +0\.0 +3 +aging, 60 s a step/,
    );
  });

  test("pauses a queue, says so of its task, and moves the task", async () => {
    const { taskId } = await client.spawn(idle, {}, { queue: "halted" });
    assert.equal((await run(["queues", "pause", "halted"])).output.trim(), "halted paused");
    assert.match((await run(["explain", taskId])).output, /^Queue halted is paused; /);
    assert.equal((await run(["move", taskId, "--priority", "5"])).output.trim(), `moved ${taskId}`);
    assert.equal((await client.show(taskId)).priority, 5);
  });

  test("that are full or draining refuse a spawn with a code", async () => {
    await client.queues.configure("full", { pendingMax: 1 });
    await client.spawn(idle, {}, { queue: "full" });
    const full = await run(["spawn", "idle", "--queue", "full", "--json"]);
    assert.equal(full.exitCode, 1);
    assert.match(full.output, /"tag":"QueueFull".*"pendingMax":1/);
    await run(["queues", "drain", "full"]);
    const refused = await run(["spawn", "idle", "--queue", "full"]);
    assert.match(refused.output, /queue full is draining/);
  });

  test("names what is wrong with a setting", async () => {
    const nothing = await run(["queues", "configure", "night"]);
    assert.deepEqual([nothing.exitCode, /nothing to set/.test(nothing.output)], [2, true]);
    const wrong = await run(["queues", "configure", "night", "--weight", "0"]);
    assert.equal(wrong.exitCode, 2);
    assert.match(wrong.output, /Expected a whole number, 1 to 1000, or none/);
  });
});

describe("absurd workers", () => {
  test("lists a worker, asks it to drain, and stops it", async () => {
    const worker = await startWorker({
      ...{ connectionString: database.url, tasks: [idle], beatSeconds: 0.2, name: "press" },
    });
    const listed = await run(["workers", "list", "--json"]);
    const { workers } = JSON.parse(listed.output) as {
      workers: { workerId: number; name: string; kinds: string[] }[];
    };
    const [view] = workers;
    assert.deepEqual([view!.name, view!.kinds], ["press", ["idle"]]);
    const id = String(view!.workerId);
    assert.equal((await run(["workers", "drain", id])).output.trim(), `asked ${id} to drain`);
    assert.match((await run(["workers", "list"])).output, /press.*0\/1.*asked to drain/);

    await run(["workers", "stop", id, "--grace-seconds", "0"]);
    await worker.finished;
    const gone = await run(["workers", "drain", id]);
    assert.deepEqual([gone.exitCode, /no worker/.test(gone.output)], [3, true]);
  });
});
