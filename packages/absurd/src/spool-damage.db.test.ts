/** The spool under processes that are killed and files that fail or are damaged. */
import assert from "node:assert/strict";
import { spawn as startProcess } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

import { describe, test } from "vitest";

import { createRandom, freshDatabase } from "@contimg/testkit";

import { AbsurdClient } from "./index.ts";
import { replaySpool } from "./spool/replay.ts";
import { SpoolFolder } from "./spool/spool-folder.ts";
import { DISK, type SpoolFs } from "./spool/spool-fs.ts";
import { note, spoolStage, tasksOf } from "./testing/spool-stage.ts";

const FIXTURE = fileURLToPath(new URL("./spool.fixture.ts", import.meta.url));

const database = freshDatabase();
const stage = spoolStage(database);
const { away } = stage;

describe("kill -9", () => {
  test("before any step of a write loses nothing that was acknowledged", async () => {
    let acknowledgedCount = 0;
    for (let step = 0; acknowledgedCount === 0; step++) {
      assert.ok(step < 20, "the write never came to its end");
      const path = join(stage.folder, `write-${step}`);
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
      const path = join(stage.folder, key);
      const client = new AbsurdClient(away, { spoolFolder: path });
      await client.spawn(note, { text: key }, { whenAway: "spool", idempotencyKey: key });
      const { signal } = await runFixture(["replay", database.url, path, step]);
      assert.equal(signal, ["2", "99"].includes(step) ? null : "SIGKILL", `step ${step}`);
      await new AbsurdClient(stage.pool, { spoolFolder: path }).replaySpool();
      assert.equal((await tasksOf(stage.pool, [key])).length, 1, `step ${step}`);
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
      const spool = new SpoolFolder(stage.folder, fs);
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
        if (random() < 0.4) await replaySpool(stage.pool, spool).catch(ignoreInjected);
      }
      await replaySpool(stage.pool, new SpoolFolder(stage.folder));

      const spawned = (await tasksOf(stage.pool, all)).map((row) => row.idempotency_key);
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
      const spool = new SpoolFolder(stage.folder);
      const keys = [`first ${name}`, `second ${name}`];
      const segment = await spool.write("spawn", keys.map(spawnRecord));
      const path = join(stage.folder, segment);
      await damage(path);
      const damaged = await readFile(path);

      const report = await replaySpool(stage.pool, spool);

      assert.deepEqual([report.spawned, report.corrupt.length], [1, 1]);
      assert.equal((await tasksOf(stage.pool, keys))[0]?.idempotency_key, keys[0]);
      assert.deepEqual(await readdir(stage.folder), [`${segment}.corrupt`]);
      assert.deepEqual(await readFile(join(stage.folder, `${segment}.corrupt`)), damaged);
      assert.equal((await replaySpool(stage.pool, spool)).corrupt.length, 0, "told of once");
    });
  }
});

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
