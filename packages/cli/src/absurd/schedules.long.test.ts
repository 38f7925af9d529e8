/** `absurd schedules` as a person meets it: real processes, a real database. */
import assert from "node:assert/strict";

import { beforeAll, describe, test } from "vitest";

import { AbsurdClient, type TemplateDefinition } from "@contimg/absurd";
import { freshDatabase } from "@contimg/testkit";

import { type Ran, runAbsurd } from "../testing/run-absurd.ts";

const database = freshDatabase();

beforeAll(async () => {
  const db = await database.connect();
  await db.query(`select absurd.register_kinds('[{"task_name": "probe"}]')`);
});

describe("absurd schedules", () => {
  test("makes, shows, fires, pauses and deletes a schedule", async () => {
    const create = ["create", "nightly", "--task", "probe", "--cron", "30 2 * * *"];
    const made = await run([...create, "--zone", "Europe/Berlin", "--note", "by hand"]);
    assert.match(made.output, /spec +30 2 \* \* \* Europe\/Berlin/);

    const next = JSON.parse((await run(["next", "nightly", "--count", "3", "--json"])).output) as {
      next: string[];
    };
    assert.equal(next.next.length, 3);
    assert.match((await run(["next", "nightly"])).output, / 02:30:00 |03:00:00 /);

    const fired = JSON.parse((await run(["trigger", "nightly", "--json"])).output) as {
      state: string;
    };
    assert.equal(fired.state, "spawned");
    assert.match((await run(["show", "nightly"])).output, /trigger +spawned/);
    await run(["pause", "nightly", "--note", "moon"]);
    assert.match((await run(["list"])).output, /nightly .*paused +moon/);
    assert.equal((await run(["resume", "nightly"])).exitCode, 0);
    const range = ["--from", "2026-03-01", "--until", "2026-03-03T12:00"];
    assert.equal((await run(["backfill", "nightly", ...range])).output.split("\n").length, 5);
    assert.match((await run(["delete", "nightly"])).output, /deleted nightly/);
  }, 120_000);

  test("fires a workflow of a template", async () => {
    const template = {
      name: "night",
      params: [{ name: "at", type: "string" }],
      tasks: { watch: { task: "probe", params: { at: { $param: "at" } } } },
    };
    const db = await database.connect();
    await new AbsurdClient(db).workflows.defineTemplate(template as TemplateDefinition);
    const create = ["create", "survey", "--template", "night", "--every", "86400"];
    const made = await run([...create, "--params", '{"at":{"$fireAt":true}}', "--tag", "sky"]);
    assert.equal(made.exitCode, 0, made.errors);
    assert.match((await run(["list"])).output, /survey .*template night/);
    assert.match((await run(["trigger", "survey"])).output, /spawned +workflow [0-9a-f-]{36}/);

    const refused = await run([...create, "--replace", "--priority", "3"]);
    assert.equal(refused.exitCode, 2);
    assert.match(refused.errors, /--priority goes with --task/);
    assert.match((await run([...create, "--replace"])).errors, /parameter "at" is missing/);
  }, 120_000);

  test("says what is wrong in one line and in its exit code", async () => {
    const create = ["create", "s", "--task", "probe"];
    const cases: readonly [string[], number, RegExp][] = [
      [["create", "s", "--every", "60"], 2, /give either --task or --template/],
      [create, 2, /give either --cron or --every/],
      [[...create, "--cron", "61 * * * *"], 2, /cron is "61 \* \* \* \*"/],
      [[...create, "--cron", "0 0 * * *", "--zone", "Mars"], 2, /time zone is "Mars"/],
      [[...create, "--every", "60", "--from", "soon"], 2, /'soon' .*a time such as/],
      [["create", "s", "--task", "prob", "--every", "60"], 2, /did you mean probe|not registered/],
      [["show", "nothing"], 3, /no schedule "nothing"/],
    ];
    for (const [args, exitCode, message] of cases) {
      const ended = await run(args);
      assert.equal(ended.exitCode, exitCode, args.join(" "));
      assert.match(ended.errors, message);
    }
  }, 120_000);
});

function run(args: readonly string[]): Promise<Ran> {
  return runAbsurd(["schedules", ...args], database.url);
}
