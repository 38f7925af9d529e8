/** `absurd workflows` and `absurd templates` as a person meets them. */
import assert from "node:assert/strict";

import { beforeAll, describe, test } from "vitest";

import { AbsurdClient } from "@contimg/absurd";
import { freshDatabase } from "@contimg/testkit";

import { type Ran, runAbsurd } from "./testing/run-absurd.ts";

const database = freshDatabase();
let client: AbsurdClient;

beforeAll(async () => {
  const pool = database.pool();
  await pool.query(`select absurd.register_kinds('[{"task_name": "greet"}]')`);
  client = new AbsurdClient(pool);
});

async function run(args: readonly string[]): Promise<Ran> {
  const ran = await runAbsurd(args, database.url);
  return { ...ran, output: ran.output.trim() };
}

const WORKFLOW = {
  name: "night",
  tasks: {
    a: { task: "greet" },
    b: { task: "greet", dependsOn: [{ on: "a", when: "failure", otherwise: "skip" }] },
    c: { task: "greet", dependsOn: [{ anyOf: ["a", "b"] }] },
  },
};

describe("absurd workflows", () => {
  test("spawns from JSON, shows the graph, lists, cancels and reruns", async () => {
    const id = (await run(["workflows", "spawn", JSON.stringify(WORKFLOW)])).output;
    const shown = await run(["workflows", "show", id]);
    assert.match(shown.output, /running: 3 nodes, 3 open/);
    assert.match(shown.output, /^ {2}b +pending +greet {2}<- a \(failure, else skip\)$/m);
    assert.match(shown.output, /^ {4}c +pending +greet {2}<- a \(any of 1\), b \(any of 1\)$/m);
    assert.match((await run(["workflows", "list"])).output, new RegExp(`${id} +night +running`));
    assert.equal((await run(["workflows", "cancel", id])).output, "cancelled 3 tasks");

    const again = await run(["workflows", "rerun", id, "--failed", "--json"]);
    assert.deepEqual(JSON.parse(again.output), { workflowId: id, nodes: ["a", "b", "c"] });
    assert.equal((await client.workflows.show(id)).status, "running");
  });

  test("says what is wrong in one line and in its exit code", async () => {
    const cyclic = { name: "w", tasks: { a: { task: "greet", dependsOn: ["a"] } } };
    const cases: readonly [string[], number, RegExp][] = [
      [["spawn", JSON.stringify(cyclic)], 2, /depend on each other: a -> a/],
      [["spawn", '{"name":"w","tasks":{"a":{"task":1}}}'], 2, /tasks: a: task: .*string/],
      [["spawn", '{"name":"w","tasks":{"a":{"task":"gret"}}}'], 2, /did you mean greet/],
      [["show", "17"], 3, /a workflow id is a UUID/],
      [["rerun", "17"], 2, /either --failed or --from/],
    ];
    for (const [args, exitCode, message] of cases) {
      const result = await run(["workflows", ...args]);
      assert.equal(result.exitCode, exitCode, result.errors);
      assert.match(result.errors, message);
    }
  });
});

describe("absurd templates", () => {
  test("defines versions, plans, spawns and says what differs", async () => {
    const template = {
      name: "tiles",
      params: [{ name: "field", type: "string" }],
      tasks: { a: { task: "greet", params: { name: { $param: "field" } } } },
    };
    assert.equal((await run(["templates", "define", JSON.stringify(template)])).output, "tiles v1");
    const more = { ...template, tasks: { ...template.tasks, b: WORKFLOW.tasks.a } };
    assert.equal((await run(["templates", "define", JSON.stringify(more)])).output, "tiles v2");
    assert.equal((await run(["templates", "diff", "tiles", "1"])).output, "+ b");
    assert.match((await run(["templates", "list"])).output, /tiles +2 +2 +field: string/);
    assert.match((await run(["templates", "show", "tiles", "--version", "1"])).output, /^tiles v1/);

    const params = ["--params", '{"field":"3C48"}'];
    const plan = await run(["templates", "spawn", "tiles", ...params, "--dry-run"]);
    assert.match(plan.output, /a {2}"greet" {"name":"3C48"}/);
    const spawned = await run(["templates", "spawn", "tiles", ...params, "--json"]);
    const { workflowId } = JSON.parse(spawned.output) as { workflowId: string };
    const shown = await client.workflows.show(workflowId);
    assert.deepEqual([shown.template, shown.version, shown.nodes.length], ["tiles", 2, 2]);

    const wrong = await run(["templates", "spawn", "tiles"]);
    assert.deepEqual(
      [wrong.exitCode, /parameter "field" is missing/.test(wrong.errors)],
      [2, true],
    );
  });
});
