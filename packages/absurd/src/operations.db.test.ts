/** What docs/operations.md tells operators to run does what it says there. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";

import pg from "pg";
import { describe, test } from "vitest";
import { z } from "zod";

import { freshDatabase } from "@contimg/testkit";

import { AbsurdClient, defineTask, startWorker } from "./index.ts";

const database = freshDatabase();
const PAGE = readFileSync(new URL("../docs/operations.md", import.meta.url), "utf8");

describe("the operations guide", () => {
  test("gives a worker's role the rights to run tasks, and a reader's those to watch", async () => {
    const db = await database.connect();
    // Roles belong to the whole server: these get a name of their own.
    const suffix = randomUUID().slice(0, 8);
    const rename = (text: string): string =>
      text.replaceAll(/absurd_(owner|worker|reader)/g, `absurd_$1_${suffix}`);
    const statements = /```sql\n(.*?)```/s
      .exec(PAGE)![1]!
      .replaceAll("on database app", `on database ${new URL(database.url).pathname.slice(1)}`);
    await db.query(rename(statements));
    const as = (role: string): string => {
      const url = new URL(database.url);
      url.searchParams.set("options", `-c role=${rename(role)}`);
      return url.toString();
    };
    try {
      await runTasks(as("absurd_worker"));
      const reader = new pg.Client(as("absurd_reader"));
      await reader.connect();
      const queries = [...PAGE.matchAll(/\| `(select .*?)` +\|/g)].map((match) => match[1]!);
      assert.equal(queries.length, 7);
      for (const query of queries) await reader.query(query.replaceAll("\\|", "|"));
      await assert.rejects(reader.query("delete from absurd.ready"), { code: "42501" });
      await reader.end();
    } finally {
      for (const role of ["absurd_worker", "absurd_reader", "absurd_owner"].map(rename)) {
        await db.query(`drop owned by ${role}; drop role ${role}`);
      }
    }
  });
});

async function runTasks(connectionString: string): Promise<void> {
  const errors: string[] = [];
  const say = (fields: object): void => {
    errors.push(JSON.stringify(fields));
  };
  const task = defineTask({
    name: "modest",
    params: z.strictObject({}),
    maxRetries: 1,
    handler(_, context) {
      context.progress(0.5, "half way");
      if (context.attempt === 1) throw new Error("the first attempt fails");
    },
  });
  const pool = new pg.Pool({ connectionString, max: 2 });
  // Its last socket may outlive it, and hear that the database is dropped.
  pool.on("error", () => undefined);
  const client = new AbsurdClient(pool, { tasks: [task] });
  const log = { debug: () => undefined, info: () => undefined, warn: say, error: say };
  const worker = await startWorker({ connectionString, tasks: [task], pollSeconds: 0.1, log });
  try {
    const { taskId } = await client.spawn(task, {}, { backoffSeconds: 0.05 });
    const signal = AbortSignal.timeout(20_000);
    const [ended] = await client.awaitTasks([taskId], { signal });
    assert.equal(ended!.status, "completed", errors.join("\n"));
  } finally {
    await worker.stop();
    await client.close();
    await pool.end();
  }
  assert.deepEqual(errors, []);
}
