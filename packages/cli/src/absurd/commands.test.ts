/** What is changed from a terminal is in the audit log: a new command cannot be forgotten. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

import { Command } from "commander";
import type pg from "pg";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

import { freshDatabase, sqlWorker } from "@contimg/testkit";

import { COMMANDS } from "./commands.ts";

const { claim, cycle, registerWorker, spawn, task } = sqlWorker;
const database = freshDatabase();
const spool = mkdtempSync(join(tmpdir(), "commands-spool-"));
let db: pg.Client;
afterAll(() => {
  rmSync(spool, { recursive: true });
});

/** They change nothing. */
const LOOKS = new Set([
  ...["tasks", "task", "explain", "tail", "steps", "top", "stats", "doctor", "completion"],
  ...["dlq list", "dlq groups", "queues list", "workers list", "limits list", "limits show"],
  ...["schedules list", "schedules show", "schedules next", "workflows show", "workflows list"],
  ...["templates list", "templates show", "templates diff", "history show", "spool list"],
  "token list",
]);

/** Programs that run until they are stopped; migrations have a table of their own. */
const PROGRAMS = new Set(["worker", "serve", "migrate"]);

/** Ids of the stage, by what they are. */
type Known = Readonly<Record<string, string>>;

const WORKFLOW = { name: "w", tasks: { a: { task: "noop" } } };

/** A call of each command that changes something, in an order in which each can, and its action. */
const ACTS: readonly (readonly [path: string, action: string, argv: (known: Known) => string[]])[] =
  [
    ["spawn", "spawnTask", () => ["noop", "--params", '{"password":"hunter2"}']],
    ["cancel", "cancelTask", ({ waits }) => [waits!]],
    ["retry", "retryTask", ({ failed }) => [failed!]],
    ["undo", "undoBulk", ({ bulk }) => [bulk!]],
    ["move", "moveTask", ({ other }) => [other!, "--priority", "3"]],
    ["emit", "emitEvent", () => ["dish-repaired"]],
    ["dlq replay", "startBulk", ({ dead }) => [dead!]],
    ["dlq discard", "startBulk", ({ dead2 }) => [dead2!]],
    ["dlq group", "updateFailureGroup", ({ group }) => [group!, "--assignee", "ann"]],
    ["queues pause", "pauseQueue", () => ["default"]],
    ["queues resume", "resumeQueue", () => ["default"]],
    ["queues drain", "drainQueue", () => ["elsewhere"]],
    ["queues configure", "configureQueue", () => ["default", "--weight", "3"]],
    ["queues use-version", "useVersion", () => ["noop", "2"]],
    ["workers drain", "drainWorker", ({ worker }) => [worker!]],
    ["workers resume", "resumeWorker", ({ worker }) => [worker!]],
    ["workers stop", "stopWorker", ({ worker }) => [worker!]],
    ["schedules create", "createSchedule", () => ["s", "--task", "noop", "--every", "3600"]],
    ["schedules pause", "updateSchedule", () => ["s"]],
    ["schedules resume", "updateSchedule", () => ["s"]],
    ["schedules trigger", "triggerSchedule", () => ["s"]],
    ["schedules backfill", "backfillSchedule", () => ["s", ...yesterday()]],
    ["schedules delete", "deleteSchedule", () => ["s"]],
    ["workflows spawn", "createWorkflow", () => [JSON.stringify(WORKFLOW)]],
    ["workflows cancel", "cancelWorkflow", ({ workflow }) => [workflow!]],
    ["workflows rerun", "rerunWorkflow", ({ workflow }) => [workflow!, "--failed"]],
    ["templates define", "createTemplate", () => [JSON.stringify({ ...WORKFLOW, params: [] })]],
    ["templates spawn", "runTemplate", () => ["w"]],
    ["limits set", "setLimit", () => ["disk", "4"]],
    ["limits remove", "removeLimit", () => ["disk"]],
    ["history keep", "keepHistory", () => ["--tasks", "30d"]],
    ["history prune", "pruneHistory", () => ["--older-than", "30d"]],
    ["spool replay", "replaySpool", () => ["--folder", spool]],
    ["token create", "createToken", () => ["night-shift"]],
    ["token revoke", "deleteToken", () => ["night-shift"]],
  ];

function yesterday(): string[] {
  const at = (hoursAgo: number) => new Date(Date.now() - hoursAgo * 3_600_000).toISOString();
  return ["--from", at(3), "--until", at(1)];
}

function program(): Command {
  const root = new Command("absurd");
  for (const create of COMMANDS) root.addCommand(create());
  return root;
}

function leaves(command: Command, path: readonly string[] = []): (readonly [string, Command])[] {
  if (command.commands.length === 0) return [[path.join(" "), command]];
  return command.commands.flatMap((each) => leaves(each, [...path, each.name()]));
}

describe("of the commands of absurd", () => {
  let known: Known;

  beforeAll(async () => {
    db = await database.connect();
    const kinds = ["1", "2"].map((version) => ({ task_name: "noop", version }));
    await db.query("select absurd.register_kinds($1)", [JSON.stringify(kinds)]);
    known = await setStage();
  });

  test("each is known to look, to act or to be a program", () => {
    const all = leaves(program());
    const acts = ACTS.map(([path]) => path);
    assert.deepEqual(
      all.map(([path]) => path).toSorted(),
      [...LOOKS, ...PROGRAMS, ...acts].toSorted(),
    );
    const asks = all.filter(([, each]) => each.options.some(({ long }) => long === "--reason"));
    assert.deepEqual(asks.map(([path]) => path).toSorted(), acts.toSorted());
  });

  test.each(ACTS)("%s is noted as %s, with who and why", async (path, action, argv) => {
    const reason = `because of ${path}`;
    const answer = await run(...path.split(" "), ...argv(known), "--reason", reason);
    if (path === "workflows spawn") {
      known = { ...known, workflow: (JSON.parse(answer) as { workflowId: string }).workflowId };
    }
    const { rows } = await db.query<Record<string, unknown>>(
      "select actor, action, target, status, detail from absurd_api.audit where reason = $1",
      [reason],
    );
    assert.equal(rows.length, 1);
    const [note] = rows;
    assert.deepEqual(
      [note!["actor"], note!["action"], note!["status"]],
      [userInfo().username, action, 200],
    );
    assert.notEqual(note!["target"], "");
    assert.doesNotMatch(JSON.stringify(note), /hunter2/);
  });

  test("what would be done and is not leaves no note", async () => {
    const before = await notes();
    await run("history", "prune", "--older-than", "30d", "--dry-run");
    await run("templates", "spawn", "w", "--dry-run");
    await run("cancel", "--filter", "name:noop", "--dry-run");
    await run("dlq", "discard", "--all", "--dry-run");
    assert.deepEqual(await notes(), before);
  });

  test("what is refused is noted, too", async () => {
    await expect(run("schedules", "delete", "none", "--reason", "no such")).rejects.toThrow(/none/);
    const { rows } = await db.query<object>(
      "select action, target, status from absurd_api.audit where reason = 'no such'",
    );
    assert.deepEqual(rows, [{ action: "deleteSchedule", target: "none", status: 404 }]);
  });
});

/** In this process; gives what it printed. */
async function run(...argv: string[]): Promise<string> {
  const printed: string[] = [];
  const write = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    printed.push(String(text));
    return true;
  });
  try {
    const args = [...argv, "--database", database.url, "--json"];
    await program().parseAsync(args, { from: "user" });
  } finally {
    write.mockRestore();
  }
  return printed.join("");
}

async function notes(): Promise<unknown> {
  return (await db.query("select count(*) as n from absurd_api.audit")).rows[0];
}

async function setStage(): Promise<Known> {
  const names = ["failed", "dead", "dead2", "dead3", "waits", "other", "many"];
  const spawned = await spawn(
    db,
    names.map((tag) => task({ tags: [tag], queue: "default" })),
  );
  const ids = Object.fromEntries(names.map((name, index) => [name, spawned[index]!.task_id]));
  const worker = await registerWorker(db);
  const held = await claim(db, worker, 4);
  await cycle(db, worker, { failed: held.map((each) => [each, "fatal"] as const) });
  const many = await run("cancel", "--filter", "tag:many", "--reason", "the stage");
  const groups = JSON.parse(await run("dlq", "groups")) as { groups: { fingerprint: string }[] };
  return {
    ...ids,
    bulk: (JSON.parse(many) as { action: { bulk_id: string } }).action.bulk_id,
    group: groups.groups[0]!.fingerprint,
    worker: String(worker.id),
  };
}
