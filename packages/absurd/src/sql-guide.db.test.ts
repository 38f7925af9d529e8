/** The functions that docs/sql.md shows exist, with these arguments in this order. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { describe, test } from "vitest";

import { freshDatabase } from "@contimg/testkit";

const database = freshDatabase();
const PAGE = readFileSync(new URL("../docs/sql.md", import.meta.url), "utf8");

describe("the SQL guide", () => {
  test("names functions of the schema with their arguments", async () => {
    const db = await database.connect();
    const { rows } = await db.query<{ name: string; given: string[] | null }>(
      `select p.proname as name, p.proargnames[1:p.pronargs] as given
         from pg_proc p where p.pronamespace = 'absurd'::regnamespace`,
    );
    const known = new Set(rows.map((row) => `${row.name}(${(row.given ?? []).join(", ")})`));
    const shown = [...PAGE.matchAll(/`absurd\.(\w+\(p_[^)]*\))`/g)].map((match) => match[1]!);

    assert.ok(shown.length > 20, "the page shows no functions");
    assert.deepEqual(
      shown.filter((signature) => !known.has(signature)),
      [],
    );
  });

  test("lists every SQLSTATE that these functions raise", async () => {
    const db = await database.connect();
    const shown = [...new Set([...PAGE.matchAll(/absurd\.(\w+)\(p_/g)].map((match) => match[1]!))];
    const { rows } = await db.query<{ source: string }>(
      `select p.prosrc as source from pg_proc p
        where p.pronamespace = 'absurd'::regnamespace and p.proname = any($1)`,
      [shown],
    );
    const raised = new Set(
      rows.flatMap(({ source }) => [...source.matchAll(/'(WF\d{3})'/g)].map((match) => match[1]!)),
    );

    assert.ok(raised.has("WF001"));
    assert.deepEqual(
      [...raised].filter((state) => !PAGE.includes(`| ${state} `)),
      [],
    );
  });
});
