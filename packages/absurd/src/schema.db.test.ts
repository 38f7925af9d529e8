/** The committed sql/schema.sql is what migrations and functions make: what a reviewer reads. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { describe, test } from "vitest";

import { freshDatabase } from "@contimg/testkit";

import { MigrationConflict } from "./errors.ts";
import { migrate } from "./migrate.ts";
import { taskNumber, taskUuid } from "./task-id.ts";

const database = freshDatabase();
const SNAPSHOT = fileURLToPath(new URL("../sql/schema.sql", import.meta.url));

// Columns, constraints, indexes, options and functions, from the catalogs: the same text on every
// server version. Partitions are left out; they follow the calendar.
const DUMP = `
  select 'table ' || c.relname || ' (' || string_agg(
           a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
           || case when a.attnotnull then ' not null' else '' end
           || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
           || case when a.attidentity = '' then '' else ' identity' end,
           ', ' order by a.attnum) || ')'
           || coalesce(' with ' || array_to_string(c.reloptions, ', '), '')
           || case when c.relpersistence = 'u' then ' unlogged' else '' end as line
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
   where c.relnamespace = 'absurd'::regnamespace and c.relkind in ('r', 'p')
     and not c.relispartition
   group by c.oid, c.relname, c.reloptions, c.relpersistence
  union all
  select 'constraint ' || r.conrelid::regclass || ' ' || r.conname || ' '
         || pg_get_constraintdef(r.oid)
    from pg_constraint r join pg_class c on c.oid = r.conrelid
   where r.connamespace = 'absurd'::regnamespace and not c.relispartition
     and r.contype in ('c', 'p', 'u', 'f')
  union all
  select 'index ' || pg_get_indexdef(i.indexrelid)
    from pg_index i join pg_class c on c.oid = i.indrelid
   where c.relnamespace = 'absurd'::regnamespace and not c.relispartition
  union all
  select 'sequence ' || s.sequencename || ' cache ' || s.cache_size
    from pg_sequences s where s.schemaname = 'absurd'
  union all
  select 'view ' || v.relname || ' (' || string_agg(
           a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' order by a.attnum) || ')'
    from pg_class v join pg_attribute a on a.attrelid = v.oid and a.attnum > 0
   where v.relnamespace = 'absurd'::regnamespace and v.relkind = 'v' group by v.relname
  union all
  select 'function ' || p.oid::regprocedure || ' returns ' || pg_get_function_result(p.oid)
         || case p.provolatile when 'i' then ' immutable' when 's' then ' stable' else '' end
    from pg_proc p where p.pronamespace = 'absurd'::regnamespace`;

describe("the schema", () => {
  test("equals its committed snapshot", async () => {
    const db = await database.connect();
    // Names are written without their schema when the path finds them, whoever is connected.
    await db.query("set search_path to absurd");
    const { rows } = await db.query<{ line: string }>(
      `select line from (${DUMP}) l order by line collate "C"`,
    );
    const dump = `${rows.map((row) => row.line).join("\n")}\n`;
    if (process.env["UPDATE_SCHEMA_SNAPSHOT"] === "1") writeFileSync(SNAPSHOT, dump);
    assert.equal(dump, readFileSync(SNAPSHOT, "utf8"), "run with UPDATE_SCHEMA_SNAPSHOT=1");
  });

  test("is migrated again without change and refuses a migration that was edited", async () => {
    const pool = database.pool();
    assert.deepEqual((await migrate(pool)).applied, []);
    await pool.query("update absurd.migrations set sha256 = 'other' where number = 1");
    await assert.rejects(migrate(pool), MigrationConflict);
  });

  test("has partitions for today and a week ahead", async () => {
    const db = await database.connect();
    const { rows } = await db.query<{ n: string }>(
      "select count(*) as n from pg_inherits where inhparent = 'absurd.task'::regclass",
    );
    assert.equal(rows[0]!.n, "8");
  });
});

describe("a task id", () => {
  test("is the same bijection in SQL and here", async () => {
    const db = await database.connect();
    const numbers = [
      0n,
      1n,
      255n,
      256n,
      (1_795_332_967_271n << 20n) | 0xf_ff_ffn,
      (1n << 62n) + 77n,
    ];
    for (const number of numbers) {
      const { rows } = await db.query<{ uuid: string; back: string }>(
        `select u::text as uuid, absurd.task_number(u) as back from absurd.task_uuid($1) u`,
        [String(number)],
      );
      assert.deepEqual(rows[0], { uuid: taskUuid(number), back: String(number) });
      assert.equal(taskNumber(rows[0].uuid), number);
    }
    const foreign = "7d4c2d5e-0f5c-4b9f-9f0d-0d3c2b1a0f5e";
    const { rows } = await db.query("select absurd.task_number($1) as n", [foreign]);
    assert.deepEqual(rows, [{ n: null }]);
    assert.equal(taskNumber(foreign), undefined);
  });
});
