/** What doctor makes of facts. */
import assert from "node:assert/strict";

import type { QueueView, ServerFacts, WorkerView } from "@contimg/absurd";
import { describe, test } from "vitest";

import {
  type Check,
  checkDeadLetters,
  checkDisk,
  checkHorizon,
  checkKinds,
  checkListen,
  checkNode,
  checkQueues,
  checkSchema,
  checkServer,
  checkSpool,
  checkWorkers,
} from "./doctor-checks.ts";

const SERVER: ServerFacts = {
  versionNumber: 180_004,
  version: "18.4",
  clockSkewSeconds: 0.01,
  roundTripSeconds: 0.001,
  connectionCount: 12,
  settings: {
    autovacuum: "on",
    fsync: "on",
    full_page_writes: "on",
    max_connections: "100",
    synchronous_commit: "on",
    wal_compression: "lz4",
  },
};

const WORKER: WorkerView = {
  workerId: 1,
  name: "host-1",
  host: "host",
  pid: 17,
  version: "1",
  queues: ["default"],
  concurrency: 2,
  kinds: ["imaging", "imaging@2"],
  startedAt: new Date(0),
  beatAgeSeconds: 1,
  leaseSeconds: 30,
  memoryBytes: null,
  asked: null,
  tasks: [],
};
const LATE = { ...WORKER, name: "host-2", beatAgeSeconds: 31 };

const QUEUE = { name: "default", paused: false, draining: false, oldestAt: null } as QueueView;
const NOW = new Date("2026-01-25T08:00:00Z");

const verdicts = (checks: readonly Check[]): Record<string, string> =>
  Object.fromEntries(checks.map(({ name, verdict }) => [name, verdict]));

const serverWith = (settings: Partial<ServerFacts["settings"]>): Record<string, string> =>
  verdicts(checkServer({ ...SERVER, settings: { ...SERVER.settings, ...settings } }));

describe("a check", () => {
  test("of a good server finds nothing, and gives no remedy", () => {
    const checks = checkServer(SERVER);
    assert.ok(checks.every(({ verdict, remedy }) => verdict === "ok" && remedy === ""));
    assert.equal(checks.length, 8);
  });

  test("that finds something says what to do", () => {
    const found = [
      checkNode("22.1.0"),
      checkSchema(["0002_b.sql"]),
      checkWorkers([]),
      checkDisk({ path: "/data", freeBytes: 1, totalBytes: 100 }),
      checkListen(false, true),
    ];
    for (const { verdict, remedy } of found) assert.ok(verdict !== "ok" && remedy.length > 10);
  });

  test("of versions knows the oldest that works, and the newest that is tested", () => {
    const of = (versionNumber: number): string | undefined =>
      verdicts(checkServer({ ...SERVER, versionNumber }))["postgresql"];
    assert.deepEqual([140_012, 150_000, 180_004, 190_000].map(of), ["fail", "ok", "ok", "warn"]);
    assert.equal(checkNode("24.0.0").verdict, "ok");
    assert.equal(checkNode("8.0.0").verdict, "fail");
  });

  test("of settings tells what loses data from what is only slow", () => {
    assert.equal(serverWith({ fsync: "off" })["fsync"], "fail");
    assert.equal(serverWith({ full_page_writes: "off" })["full_page_writes"], "fail");
    assert.equal(serverWith({ autovacuum: "off" })["autovacuum"], "fail");
    assert.equal(serverWith({ synchronous_commit: "off" })["synchronous_commit"], "warn");
    assert.equal(serverWith({ wal_compression: "off" })["wal_compression"], "warn");
    assert.equal(serverWith({ max_connections: "15" })["connections"], "fail");
    assert.equal(serverWith({ max_connections: "25" })["connections"], "warn");
  });

  test("of clocks allows for the way to the server", () => {
    const of = (clockSkewSeconds: number, roundTripSeconds: number): string | undefined =>
      verdicts(checkServer({ ...SERVER, clockSkewSeconds, roundTripSeconds }))["clock"];
    assert.deepEqual(
      [of(0.9, 0), of(-2, 0.1), of(2, 4), of(-31, 0.1)],
      ["ok", "warn", "ok", "fail"],
    );
  });

  test("of workers tells late ones from none", () => {
    assert.equal(checkWorkers([WORKER]).verdict, "ok");
    const late = checkWorkers([WORKER, LATE]);
    assert.equal(late.verdict, "warn");
    assert.match(late.message, /1 alive; late: host-2/);
    assert.equal(checkWorkers([LATE]).verdict, "fail");
  });

  test("of task names wants a living worker of the queue", () => {
    const ready = [{ queue: "default", kind: "imaging@2" }];
    assert.equal(checkKinds(ready, [WORKER]).verdict, "ok");
    assert.match(checkKinds(ready, [LATE]).message, /nobody runs imaging@2 in default/);
    assert.equal(checkKinds([{ queue: "night", kind: "imaging" }], [WORKER]).verdict, "fail");
    assert.equal(checkKinds([], []).verdict, "ok");
  });

  test("of queues looks at the oldest ready task, and at those that are stopped", () => {
    const old = { ...QUEUE, name: "night", oldestAt: new Date(NOW.getTime() - 7_200_000) };
    const [oldest] = checkQueues([QUEUE, old], NOW);
    assert.deepEqual([oldest!.verdict, oldest!.message], ["warn", "2 h 0 min, in night"]);
    assert.equal(checkQueues([QUEUE], NOW)[0]!.verdict, "ok");
    assert.match(checkQueues([{ ...QUEUE, paused: true }], NOW)[1]!.message, /default/);
  });

  test("of the rest", () => {
    assert.deepEqual(
      [0, 3].map((count) => checkDeadLetters(count).verdict),
      ["ok", "warn"],
    );
    assert.equal(checkHorizon([]).verdict, "ok");
    const held = checkHorizon([
      {
        kind: "transaction",
        name: "4711",
        application: "psql",
        state: "idle in transaction",
        seconds: 90,
      },
    ]);
    assert.match(held.message, /transaction 4711 \(psql, idle in transaction\) for 1 min 30 s/);
    const of = (freeBytes: number): string =>
      checkDisk({ path: "/", freeBytes, totalBytes: 1e12 }).verdict;
    assert.deepEqual([of(5e11), of(5e10), of(1e9)], ["ok", "warn", "fail"]);
    assert.equal(checkSpool("/spool", []).verdict, "ok");
    assert.match(checkSpool("/spool", ["ready"]).remedy, /absurd spool replay --folder \/spool/);
    assert.match(checkSpool("/spool", ["refused"]).remedy, /absurd spool list/);
    assert.equal(checkListen(true, true).verdict, "ok");
    assert.match(checkListen(false, false).remedy, /ABSURD_LISTEN_URL must lead/);
  });
});
