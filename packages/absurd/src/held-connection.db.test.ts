import assert from "node:assert/strict";

import { freshDatabase } from "@contimg/testkit";
import pg from "pg";
import { describe, test } from "vitest";

import { holdConnection } from "./held-connection.ts";

const database = freshDatabase();

async function endSession(pid: number): Promise<void> {
  const other = new pg.Client(database.url);
  await other.connect();
  await other.query("select pg_terminate_backend($1)", [pid]);
  await other.end();
}

describe("a held connection", () => {
  test("that the server ends between two statements fails the next one, and no more", async () => {
    const pool = database.pool({ max: 1 });

    const held = holdConnection(pool, async (connection) => {
      const { rows } = await connection.query<{ pid: number }>("select pg_backend_pid() as pid");
      const ended = new Promise((resolve) => connection.once("end", resolve));
      await endSession(rows[0]!.pid);
      await ended;
      await connection.query("select 1");
    });

    await assert.rejects(held, /not queryable/);
    assert.equal((await pool.query("select 1")).rowCount, 1);
  });

  test("is used again after its work, and not after an error", async () => {
    const pool = database.pool({ max: 1 });
    const pidOf = async (connection: pg.PoolClient): Promise<number> =>
      (await connection.query<{ pid: number }>("select pg_backend_pid() as pid")).rows[0]!.pid;

    const first = await holdConnection(pool, pidOf);
    assert.equal(await holdConnection(pool, pidOf), first);
    const failed = holdConnection(pool, async (connection) => {
      await connection.query("begin");
      throw new Error("in the middle");
    });

    await assert.rejects(failed, /in the middle/);
    assert.notEqual(await holdConnection(pool, pidOf), first);
  });
});
