/** An embedded server ends with the process that started it, however that ends. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import pg from "pg";
import { afterAll, describe, test } from "vitest";

import { until } from "@contimg/testkit";

import { startEmbeddedPostgres } from "./embedded-postgres.ts";
import { isAlive, type ProcessIdentity, readIdentity } from "./process-tree.ts";

const MODULE = new URL("./embedded-postgres.ts", import.meta.url).href;
/** Starts a server, says its pid and URL, and stays, or ends at once without stopping it. */
const STARTER = `
  const [, dataFolder, what, temporaryFolder] = process.argv;
  const { startEmbeddedPostgres } = await import("${MODULE}");
  const { pid, url } = await startEmbeddedPostgres({
    dataFolder, ...(temporaryFolder && { temporaryFolder }),
  });
  console.log(JSON.stringify({ pid, url }));
  if (what === "stay") setInterval(() => undefined, 1000);
`;

const folders: string[] = [];
const starters: ChildProcess[] = [];

afterAll(async () => {
  for (const each of starters) each.kill("SIGKILL");
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
});

interface Started {
  readonly starter: ChildProcess;
  readonly server: ProcessIdentity;
  readonly url: string;
}

async function start(
  dataFolder: string,
  what: "stay" | "end",
  temporaryFolder = "",
): Promise<Started> {
  const starter = spawn(
    process.execPath,
    ["--input-type=module", "--eval", STARTER, dataFolder, what, temporaryFolder],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  starters.push(starter);
  const [line] = (await once(starter.stdout, "data")) as [Buffer];
  const { pid, url } = JSON.parse(line.toString()) as { pid: number; url: string };
  const server = readIdentity(pid);
  assert.ok(server);
  return { starter, server, url };
}

async function newFolder(mode: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "absurd-lifeline-"));
  await chmod(folder, mode);
  folders.push(folder);
  return join(folder, "server");
}

async function run(url: string, statement: string): Promise<unknown[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query(statement)).rows as unknown[];
  } finally {
    await client.end();
  }
}

describe("an embedded server", () => {
  // A closed folder is passed with a capability, and rights that change may cost the lifeline.
  for (const [name, mode] of [
    ["open", 0o755],
    ["closed", 0o700],
  ] as const) {
    test(`ends when its starter is killed with -9, in a folder that is ${name}`, async () => {
      const folder = await newFolder(mode);
      const { starter, server, url } = await start(folder, "stay");
      await run(url, "create table kept as select 7 as value");
      starter.kill("SIGKILL");
      await until(() => !isAlive(server), { what: "the server is gone" });
      assert.match(
        await readFile(join(folder, "server.log"), "utf8"),
        /database system is shut down\s*$/,
      );

      const again = await startEmbeddedPostgres({ dataFolder: folder });
      try {
        assert.equal(again.url, url);
        assert.deepEqual(await run(again.url, "select value from kept"), [{ value: 7 }]);
      } finally {
        await again.stop();
      }
    });
  }

  test("is not shared while it ends with its starter: the next one has its own", async () => {
    const folder = await newFolder(0o755);
    const { starter, server } = await start(folder, "stay");
    const ended = once(starter, "exit");
    starter.kill("SIGKILL");
    await ended;
    const own = await startEmbeddedPostgres({ dataFolder: folder });
    try {
      assert.notEqual(own.pid, server.pid);
      assert.deepEqual(await run(own.url, "select 1 as one"), [{ one: 1 }]);
    } finally {
      await own.stop();
    }
  });

  test("is shared while its starter lives", async () => {
    const folder = await newFolder(0o755);
    const { server } = await start(folder, "stay");
    const same = await startEmbeddedPostgres({ dataFolder: folder });
    assert.equal(same.pid, server.pid);
    await same.stop();
  });

  test("ends when its starter ends and forgot to stop it", async () => {
    const { server } = await start(await newFolder(0o755), "end");
    await until(() => !isAlive(server), { what: "the server is gone" });
  });
});

describe("a temporary folder", () => {
  for (const [name, what, mode] of [
    ["is killed with -9", "stay", 0o755],
    ["is killed with -9 and alone may enter it", "stay", 0o700],
    ["ends and forgot to stop it", "end", 0o755],
  ] as const) {
    test(`goes after its server, whose starter ${name}`, async () => {
      const data = await newFolder(mode);
      const { starter, server } = await start(data, what, dirname(data));
      if (what === "stay") {
        assert.ok(existsSync(data));
        starter.kill("SIGKILL");
      }
      await until(() => !existsSync(dirname(data)), { what: "the folder is gone" });
      assert.ok(!isAlive(server), "the server outlives its folder");
    });
  }

  test("goes when its server is stopped, and stays when that is killed", async () => {
    const dataFolder = await newFolder(0o755);
    const options = { dataFolder, temporaryFolder: dirname(dataFolder) };
    const first = await startEmbeddedPostgres(options);
    await run(first.url, "create table kept as select 7 as value");
    await first.kill();
    const second = await startEmbeddedPostgres(options);
    assert.deepEqual(await run(second.url, "select value from kept"), [{ value: 7 }]);
    await second.stop();
    assert.ok(!existsSync(dirname(dataFolder)));
  });

  test("is refused when it does not hold the data", async () => {
    const dataFolder = await newFolder(0o755);
    for (const temporaryFolder of ["/", join(dataFolder, "data"), dataFolder.slice(0, -1)]) {
      await assert.rejects(
        startEmbeddedPostgres({ dataFolder, temporaryFolder }),
        /^Error: temporaryFolder is .*, expected .*server, which is the data folder/,
      );
    }
  });
});
