import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { migrate } from "@contimg/absurd";
import { VIEW_TERMS, type ViewPage } from "@contimg/contract";
import { freshDatabase } from "@contimg/testkit";
import { test } from "vitest";

import { API_MIGRATIONS, migrateApi } from "./migrate.ts";

const database = freshDatabase();

/** Up to the migration of this number, as a release before it did. */
async function migrateUpTo(last: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "api-migrations-"));
  try {
    mkdirSync(join(folder, "migrations"));
    for (const file of readdirSync(API_MIGRATIONS).filter((each) => each.slice(0, 4) <= last)) {
      cpSync(join(API_MIGRATIONS, file), join(folder, "migrations", file));
    }
    const pool = database.pool();
    await migrate(pool);
    await migrate(pool, { schema: "absurd_api", folder });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("views that were saved as texts become their pages' terms", async () => {
  const views: readonly (readonly [ViewPage, string, object])[] = [
    ["tasks", "status:failed", { q: "status:failed" }],
    ["tasks", '"state=open"', { q: '"state=open"' }],
    ["tasks", "", {}],
    ["failures", said({ state: "all", mine: "yes" }), { state: "all", mine: true }],
    ["failures", said({ find: '50% "full" + 日本' }), { find: '50% "full" + 日本' }],
    ["failures", said({ state: "odd", group: "f00d" }), {}],
    // The page could read nothing of it.
    ["failures", "status:failed", {}],
    ["workflows", said({ name: "a=b&c", status: "failed" }), { name: "a=b&c", status: "failed" }],
    ["workflows", said({ status: "odd" }), {}],
    ["dead-letters", 'error:"no space"', { q: 'error:"no space"' }],
    [
      "dead-letters",
      said({ fingerprint: "f00d", q: 'error:"no space"' }),
      { fingerprint: "f00d", q: 'error:"no space"' },
    ],
  ];
  await migrateUpTo("0005");
  const pool = database.pool();
  for (const [index, [page, q]] of views.entries()) {
    await pool.query(
      `insert into absurd_api.view (owner, name, page, q, columns, shared)
       values ('maria', $1, $2, $3, '{}', false)`,
      [String(index), page, q],
    );
  }

  await migrateApi(pool);

  const { rows } = await pool.query<{ page: ViewPage; terms: object }>(
    "select page, terms from absurd_api.view order by name::int",
  );
  assert.deepEqual(
    rows.map(({ terms }) => terms),
    views.map(([, , terms]) => terms),
  );
  for (const { page, terms } of rows) assert.deepEqual(VIEW_TERMS[page].parse(terms), terms);
});

/** As the dashboard wrote it. */
function said(terms: Record<string, string>): string {
  return `"${String(new URLSearchParams(terms))}"`;
}
