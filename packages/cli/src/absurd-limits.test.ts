/** `absurd limits` and the flags of a demand, as a person meets them. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";

import { test } from "vitest";
import { z } from "zod";

import { AbsurdClient, defineTask } from "@contimg/absurd";
import { freshDatabase } from "@contimg/testkit";

const PROGRAM = fileURLToPath(new URL("./absurd.ts", import.meta.url));
const database = freshDatabase();
const reduce = defineTask({ name: "reduce", params: z.strictObject({}) });

test("a task is spawned with its limits, which are listed, shown, set and removed", async () => {
  await new AbsurdClient(database.pool(), { tasks: [reduce] }).registerTasks();
  const asked = ["--concurrency-key", "disk=2", "--lock", "ms/17:shared", "--rate", "api=10/60"];
  const needed = ["--resource", "cpu=2", "--resource", "gpu=1", "--label", "site=ovro"];
  const taskId = (await absurd("spawn", "reduce", ...asked, "--hold", ...needed)).output.trim();

  const db = await database.connect();
  const { rows } = await db.query(
    "select resources, required from absurd.class where resources <> '{}'",
  );
  assert.deepEqual(rows, [{ resources: { cpu: 2, gpu: 1 }, required: { site: "ovro" } }]);
  const { rows: kept } = await db.query(
    `select g.kind from absurd.task t cross join lateral jsonb_array_elements(t.policy -> 'gates') e
       join absurd.gate g on g.gate_id = (e.value ->> 'gate')::integer
      where absurd.task_uuid(t.id) = $1 and e.value -> 'hold' = 'true' order by g.kind`,
    [taskId],
  );
  assert.deepEqual(kept, [{ kind: "key" }, { kind: "lock" }]);
  assert.equal(
    (await absurd("limits", "list")).output,
    "key disk: 0 of 2 in, 1 wait\nlock ms/17: 0 in, 1 wait\n" +
      "rate api: 0 of 10 in 60 s in, 1 wait\n",
  );
  const shown = await absurd("limits", "show", "ms/17", "--kind", "lock", "--json");
  const { waiters } = JSON.parse(shown.output) as { waiters: { taskId: string; mode: string }[] };
  assert.deepEqual(
    waiters.map((each) => [each.taskId, each.mode]),
    [[taskId, "shared"]],
  );

  assert.equal((await absurd("limits", "set", "disk", "5")).exitCode, 0);
  assert.equal((await absurd("limits", "set", "api", "1/30")).exitCode, 0);
  assert.equal((await absurd("limits", "remove", "ms/17", "--kind", "lock")).exitCode, 0);
  assert.equal(
    (await absurd("limits", "list")).output,
    "key disk: 0 of 5 in, 1 wait, set by hand\nrate api: 0 of 1 in 30 s in, 1 wait, set by hand\n",
  );
}, 120_000);

test("what is wrong with a limit is said in one line", async () => {
  const cases: readonly [string[], number, RegExp][] = [
    [["limits", "set", "disk", "many"], 2, /Expected a whole number, count\/seconds, or spawns/],
    [["limits", "remove", "nothing"], 3, /no limit of kind key is named nothing/],
    [["spawn", "reduce", "--concurrency-key", "disk"], 2, /Expected key=limit/],
    [["spawn", "reduce", "--rate", "api=10"], 2, /Expected count\/seconds/],
    [["spawn", "reduce", "--concurrency-key", "a=0"], 2, /concurrency\[0\]\.limit is 0/],
  ];
  for (const [args, exitCode, message] of cases) {
    const result = await absurd(...args);
    assert.equal(result.exitCode, exitCode, result.errors);
    assert.match(result.errors, message);
  }
}, 120_000);

function absurd(
  ...args: readonly string[]
): Promise<{ exitCode: number; output: string; errors: string }> {
  const env = { ...process.env, ABSURD_DATABASE_URL: database.url };
  return new Promise((resolve) => {
    execFile(process.execPath, [PROGRAM, ...args], { env }, (error, output, errors) => {
      resolve({ exitCode: error === null ? 0 : Number(error.code), output, errors });
    });
  });
}
