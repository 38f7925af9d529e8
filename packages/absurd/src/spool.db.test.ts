/** The spool on a real disk, against a real database: nothing is lost or doubled. */
import assert from "node:assert/strict";
import { spawn as startProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, mkdir, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, test } from "vitest";
import { z } from "zod";

import { canMountDisks, createRandom, freshDatabase, mountSmallDisk } from "@contimg/testkit";

import { AbsurdClient, defineTask, InvalidParams } from "./index.ts";
import { replaySpool } from "./spool/replay.ts";
import { SpoolFolder } from "./spool/spool-folder.ts";
import { DISK, type SpoolFs } from "./spool/spool-fs.ts";

const FIXTURE = fileURLToPath(new URL("./spool.fixture.ts", import.meta.url));
/** Nobody listens there. */
const NOWHERE = "postgres://nobody@127.0.0.1:9/nothing";

const database = freshDatabase();
const note = defineTask({ name: "note", params: z.strictObject({ text: z.string() }) });
let root = "";
let folder = "";
let pool: pg.Pool;
let away: pg.Pool;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "absurd-spool-"));
  pool = database.pool();
  away = new pg.Pool({ connectionString: NOWHERE });
  await new AbsurdClient(pool).registerTasks([note]);
});
beforeEach(async () => {
  folder = await mkdtemp(join(root, "case-"));
});
afterAll(async () => {
  await away.end();
  await rm(root, { recursive: true, force: true });
});

describe("a spawn while the database is away", () => {
  test("is an error, unless the spool is asked for; then it becomes a task later", async () => {
    const client = new AbsurdClient(away, { spoolFolder: folder });
    await assert.rejects(client.spawn(note, { text: "x" }), { code: "ECONNREFUSED" });
    const spawned = await client.spawn(note, { text: "later" }, { whenAway: "spool", priority: 3 });
    assert.ok(spawned.spooled);
    assert.equal((await client.spool.list()).length, 1);
    await assert.rejects(client.replaySpool(), { code: "ECONNREFUSED" });
    assert.equal((await client.spool.list()).length, 1, "a replay that failed keeps the record");

    const report = await new AbsurdClient(pool, { spoolFolder: folder }).replaySpool();

    assert.deepEqual([report.spawned, report.refused, report.corrupt], [1, [], []]);
    assert.deepEqual(await readdir(folder), []);
    const [row] = await tasksOf([spawned.idempotencyKey]);
    assert.deepEqual([row?.params, row?.priority], [{ text: "later" }, 3]);
  });

  test("goes straight to the database when that is there", async () => {
    const client = new AbsurdClient(pool, { spoolFolder: folder });
    const spawned = await client.spawn(note, { text: "now" }, { whenAway: "spool" });
    assert.ok(!spawned.spooled && spawned.created);
    assert.deepEqual(await readdir(folder), []);
  });

  test("of params that can never work is refused at once", async () => {
    const client = new AbsurdClient(away, { spoolFolder: folder });
    const bad = { text: 7 } as unknown as { text: string };
    await assert.rejects(client.spawn(note, bad, { whenAway: "spool" }), InvalidParams);
    assert.deepEqual(await readdir(folder), []);
  });

  test("brings the definition of a name that the database never heard of", async () => {
    const fresh = defineTask({ name: "fresh-kind", params: z.unknown(), maxRetries: 7 });
    const client = new AbsurdClient(away, { spoolFolder: folder });
    await client.spawn(fresh, {}, { whenAway: "spool", idempotencyKey: "fresh" });
    await new AbsurdClient(pool, { spoolFolder: folder }).replaySpool();
    assert.equal((await tasksOf(["fresh"]))[0]?.max_retries, 7);
  });

  test("that the database refuses is set aside and told of, not dropped", async () => {
    const client = new AbsurdClient(away, { spoolFolder: folder });
    await client.spawn("never-registered", {}, { whenAway: "spool", idempotencyKey: "stray" });
    const report = await new AbsurdClient(pool, { spoolFolder: folder }).replaySpool();
    assert.deepEqual(
      report.refused.map(({ kind, what }) => [kind, what]),
      [["spawn", "stray"]],
    );
    assert.match((await readdir(folder)).join(), /\.refused$/);
  });

  test("with many others takes few segments", async () => {
    const client = new AbsurdClient(away, { spoolFolder: folder });
    const texts = Array.from({ length: 50 }, (_, index) => String(index));
    await Promise.all(
      texts.map((each) => client.spawn(note, { text: each }, { whenAway: "spool" })),
    );
    assert.ok((await readdir(folder)).length < 50);
    assert.equal((await new AbsurdClient(pool, { spoolFolder: folder }).replaySpool()).spawned, 50);
  });
});

describe("kill -9", () => {
  test("before any step of a write loses nothing that was acknowledged", async () => {
    let acknowledgedCount = 0;
    for (let step = 0; acknowledgedCount === 0; step++) {
      assert.ok(step < 20, "the write never came to its end");
      const path = join(folder, `write-${step}`);
      const { output } = await runFixture(["write", path, String(step)]);
      const spool = new SpoolFolder(path);
      const records = [];
      for (const segment of await spool.list()) {
        assert.equal(segment.state, "ready", "a dead writer's segment is taken over");
        records.push(...(await spool.read(segment.name))!.records);
      }
      if (output.includes("acknowledged")) {
        acknowledgedCount += 1;
        assert.deepEqual(records, ['{"one":1}', '{"two":2}']);
        assert.ok(step >= 7, "each step was tried");
      } else {
        assert.ok(records.length === 0 || records.length === 2);
      }
    }
  });

  test("before any step of a replay, or after its commit, makes exactly one task", async () => {
    const steps = ["commit", "0", "1", "2", "99"];
    for (const step of steps) {
      const key = `replay-${step}`;
      const path = join(folder, key);
      const client = new AbsurdClient(away, { spoolFolder: path });
      await client.spawn(note, { text: key }, { whenAway: "spool", idempotencyKey: key });
      const { signal } = await runFixture(["replay", database.url, path, step]);
      assert.equal(signal, ["2", "99"].includes(step) ? null : "SIGKILL", `step ${step}`);
      await new AbsurdClient(pool, { spoolFolder: path }).replaySpool();
      assert.equal((await tasksOf([key])).length, 1, `step ${step}`);
      assert.deepEqual(await readdir(path), []);
    }
  });
});

describe("files that fail at random", () => {
  for (let seed = 1; seed <= 8; seed++) {
    test(`lose no acknowledged spawn and double none (seed ${seed})`, async () => {
      const random = createRandom(seed);
      const fs = failingFs(() => random() < 0.12);
      const client = new AbsurdClient(away, {});
      const spool = new SpoolFolder(folder, fs);
      const acknowledged: string[] = [];
      const all: string[] = [];
      for (let round = 0; round < 25; round++) {
        const key = `random-${seed}-${round}`;
        all.push(key);
        const record = spawnRecord(key);
        await spool.write("spawn", [record]).then(
          () => acknowledged.push(key),
          () => undefined,
        );
        if (random() < 0.4) await replaySpool(pool, spool).catch(ignoreInjected);
      }
      await replaySpool(pool, new SpoolFolder(folder));

      const spawned = (await tasksOf(all)).map((row) => row.idempotency_key);
      assert.equal(new Set(spawned).size, spawned.length, "a task was made twice");
      assert.deepEqual(
        acknowledged.filter((key) => !spawned.includes(key)),
        [],
        "an acknowledged spawn was lost",
      );
      assert.ok(acknowledged.length > 3 && acknowledged.length < 25, "failures were tried");
      await client.close();
    });
  }
});

describe("a damaged segment", () => {
  const damages: Record<string, (path: string) => Promise<void>> = {
    "cut off within a record": async (path) => {
      await truncate(path, (await readFile(path)).length - 30);
    },
    "cut off between two records": async (path) => {
      const lines = (await readFile(path, "utf8")).split("\n");
      await writeFile(path, `${lines.slice(0, 2).join("\n")}\n`);
    },
    "with a flipped bit": async (path) => {
      const bytes = await readFile(path);
      bytes[bytes.length - 40]! ^= 1;
      await writeFile(path, bytes);
    },
  };
  for (const [name, damage] of Object.entries(damages)) {
    test(`${name} gives what is whole, and is set aside and told of`, async () => {
      const spool = new SpoolFolder(folder);
      const keys = [`first ${name}`, `second ${name}`];
      const segment = await spool.write("spawn", keys.map(spawnRecord));
      const path = join(folder, segment);
      await damage(path);
      const damaged = await readFile(path);

      const report = await replaySpool(pool, spool);

      assert.deepEqual([report.spawned, report.corrupt.length], [1, 1]);
      assert.equal((await tasksOf(keys))[0]?.idempotency_key, keys[0]);
      assert.deepEqual(await readdir(folder), [`${segment}.corrupt`]);
      assert.deepEqual(await readFile(join(folder, `${segment}.corrupt`)), damaged);
      assert.equal((await replaySpool(pool, spool)).corrupt.length, 0, "told of once");
    });
  }
});

test.skipIf(!canMountDisks())(
  "a disk that is full refuses a spawn and keeps what it has",
  async () => {
    const path = join(folder, "disk");
    await mkdir(path);
    using disk = mountSmallDisk(path, 64 * 1024);
    const client = new AbsurdClient(away, { spoolFolder: disk.folder });
    const keys: string[] = [];
    const spawnLarge = async (): Promise<void> => {
      const params = { text: "x".repeat(9_000) };
      const spawned = await client.spawn(note, params, { whenAway: "spool" });
      assert.ok(spawned.spooled);
      keys.push(spawned.idempotencyKey);
    };
    await assert.rejects(
      async () => {
        while (keys.length < 100) await spawnLarge();
      },
      { code: "ENOSPC" },
    );
    assert.ok(keys.length > 0);
    const report = await new AbsurdClient(pool, { spoolFolder: disk.folder }).replaySpool();
    assert.deepEqual([report.spawned, report.corrupt], [keys.length, []]);
    assert.equal((await tasksOf(keys)).length, keys.length);
    await spawnLarge();
  },
);

describe("an outcome that is replayed", () => {
  test("counts while its fence holds, whoever brings it; once", async () => {
    const { fence, taskId, client } = await claimNote();
    assert.equal(await replayOutcome(fence, "completed", '{"a":1}'), "taken");
    assert.equal(await replayOutcome(fence, "completed", '{"a":1}'), "known");
    const task = await client.show(taskId);
    assert.deepEqual([task.status, task.result, task.attempt], ["completed", { a: 1 }, 1]);
  });

  test("of a failure is tried again, and known afterwards", async () => {
    const { fence, taskId, client } = await claimNote();
    const error = '{"tag":"E","class":"retryable","message":"m","fields":{}}';
    assert.equal(await replayOutcome(fence, "retryable", error), "taken");
    assert.equal(await replayOutcome(fence, "retryable", error), "known");
    assert.equal(await replayOutcome(fence, "completed", "1"), "refused");
    assert.equal((await client.show(taskId)).status, "retrying");
  });

  test("is refused and told of once another attempt has the task", async () => {
    const { fence, taskId, client } = await claimNote();
    await pool.query("select absurd.fail_task($1, 'taken away', 'retryable')", [fence]);
    const spool = new SpoolFolder(folder);
    const record = { fence, ending: "completed", body: "1", mayBeStale: false };
    await spool.write("outcome", [JSON.stringify(record)]);
    const report = await replaySpool(pool, spool);
    assert.deepEqual(report.refused, [{ kind: "outcome", what: fence, why: "its lease is lost" }]);
    assert.deepEqual(await readdir(folder), []);
    assert.equal((await client.show(taskId)).status, "retrying");
  });

  test("that the database cannot read is set aside, and the others count", async () => {
    const [bad, good] = [await claimNote(), await claimNote()];
    const record = { ending: "completed", mayBeStale: false };
    await new SpoolFolder(folder).write("outcome", [
      JSON.stringify({ ...record, fence: bad.fence, body: '"\\u0000"' }),
      JSON.stringify({ ...record, fence: good.fence, body: "2" }),
    ]);
    const report = await replaySpool(pool, new SpoolFolder(folder));
    assert.deepEqual([report.taken, report.refused.length], [1, 1]);
    assert.match((await readdir(folder)).join(), /\.refused$/);
    assert.equal((await good.client.show(good.taskId)).status, "completed");
  });
});

async function claimNote(): Promise<{ fence: string; taskId: string; client: AbsurdClient }> {
  await pool.query("delete from absurd.ready");
  const client = new AbsurdClient(pool);
  const { taskId } = await client.spawn(note, { text: "claimed" });
  const { rows } = await pool.query<{ fence: string }>(
    "select fence from absurd.claim_task('default', 'spool-test')",
  );
  return { fence: rows[0]!.fence, taskId, client };
}

async function replayOutcome(fence: string, ending: string, body: string): Promise<string> {
  const { rows } = await pool.query<{ verdict: string }>(
    "select absurd.replay_outcome($1, $2, $3) as verdict",
    [fence, ending, body],
  );
  return rows[0]!.verdict;
}

async function tasksOf(
  keys: readonly string[],
): Promise<{ idempotency_key: string; params: unknown; priority: number; max_retries: number }[]> {
  const { rows } = await pool.query<{
    idempotency_key: string;
    params: unknown;
    priority: number;
    max_retries: number;
  }>(
    `select idempotency_key, params, priority, max_retries from absurd.tasks
      where idempotency_key = any($1) order by created_at, task_id`,
    [keys],
  );
  return rows;
}

function spawnRecord(key: string): string {
  const tasks = [{ task_name: "note", params: { text: key }, idempotency_key: key }];
  return JSON.stringify({ kinds: [], tasks: JSON.stringify(tasks), keys: [key], fence: null });
}

/** Each step on the file system may fail; a write then leaves half of its text. */
function failingFs(fails: () => boolean): SpoolFs {
  const check = (): void => {
    if (fails()) throw Object.assign(new Error("injected"), { code: "EIO" });
  };
  const guarded =
    <Args extends unknown[], Result>(work: (...args: Args) => Promise<Result>) =>
    async (...given: Args): Promise<Result> => {
      check();
      return work(...given);
    };
  return {
    ...DISK,
    list: guarded((path) => DISK.list(path)),
    read: guarded((path) => DISK.read(path)),
    create: guarded(async (path) => {
      const file = await DISK.create(path);
      return {
        async write(content) {
          if (fails()) await file.write(content.slice(0, content.length / 2));
          check();
          await file.write(content);
        },
        sync: guarded(() => file.sync()),
        close: () => file.close(),
      };
    }),
    rename: guarded((from, to) => DISK.rename(from, to)),
    syncFolder: guarded((path) => DISK.syncFolder(path)),
    remove: guarded((path) => DISK.remove(path)),
  };
}

function ignoreInjected(error: unknown): void {
  if (!(error instanceof Error && error.message === "injected")) throw error;
}

async function runFixture(
  args: readonly string[],
): Promise<{ output: string; signal: NodeJS.Signals | null }> {
  const child = startProcess(process.execPath, [FIXTURE, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const closed = once(child, "close") as Promise<[number | null, NodeJS.Signals | null]>;
  const [output, [, signal]] = await Promise.all([text(child.stdout), closed]);
  return { output, signal };
}
