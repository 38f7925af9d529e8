/**
 * How long reads take beside a history of 10^6 tasks: `npm run -s bench:reading [-- --ended 1000000]`.
 * Prints milliseconds of each question, asked one after the other by one client: p50 and p95 by
 * the clock, and p50 of the processor time that the server's process took (planning, too), which
 * says the same on a busy machine; then the same over HTTP.
 */
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import {
  AbsurdClient,
  ChangeReader,
  fieldIs,
  migrate,
  startEmbeddedPostgres,
  type TaskCondition,
} from "@contimg/absurd";
import pg from "pg";

import { fillHistory } from "./reading-fill.ts";
import { askHttp } from "./reading-http.ts";

const { values: flags } = parseArgs({
  options: {
    ended: { type: "string", default: "1000000" },
    pending: { type: "string", default: "100000" },
    rounds: { type: "string", default: "40" },
    url: { type: "string" },
    keep: { type: "boolean", default: false },
  },
});

const HOUR = 3_600;

/** What operators ask most. */
const FILTERS: Readonly<Record<string, readonly TaskCondition[]>> = {
  everything: [],
  "status:failed": [fieldIs("status", "failed")],
  "status:pending": [fieldIs("status", "pending")],
  "name:task-03 status:failed": [fieldIs("name", "task-03"), fieldIs("status", "failed")],
  "name:task-20 (rare)": [fieldIs("name", "task-20"), fieldIs("status", "completed")],
  "tag:test age<24h": [fieldIs("tag", "test"), { ...fieldIs("age", 24 * HOUR), op: "lt" }],
  "correlation:night-2500": [fieldIs("correlation", "night-2500")],
  "run>5m -name:task-03": [
    { ...fieldIs("run", 300), op: "gt" },
    { ...fieldIs("name", "task-03"), not: true },
  ],
  "param.index:999000": [{ ...fieldIs("param", 999_000), path: ["index"] }],
  "error:OutOfMemory worker:worker-7": [
    fieldIs("error", "OutOfMemory"),
    fieldIs("worker", "worker-7"),
  ],
  "text:nowhere": [{ ...fieldIs("text", "nowhere"), op: "contains" }],
};

let backendPid = 0;

await main();

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "absurd-reading-"));
  const server = flags.url
    ? undefined
    : await startEmbeddedPostgres({
        dataFolder: join(folder, "server"),
        settings: { shared_buffers: "512MB", max_wal_size: "4GB" },
      });
  const url = flags.url ?? server!.url;
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  // The server ends before the last socket does.
  pool.on("error", () => undefined);
  try {
    await migrate(pool);
    const { rows } = await pool.query<{ full: boolean }>(
      "select exists (select from absurd.worker where name = 'worker-7') as full",
    );
    if (!rows[0]!.full) {
      const db = new pg.Client(url);
      await db.connect();
      await fillHistory(db, { ended: Number(flags.ended), pending: Number(flags.pending) });
      await db.end();
    }
    await ask(pool);
    await askHttp(url, pool, time);
  } finally {
    await pool.end();
    if (!flags.keep) {
      await server?.stop();
      await rm(folder, { recursive: true, force: true });
    }
  }
}

async function ask(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query<{ pid: number }>("select pg_backend_pid() as pid");
  backendPid = rows[0]!.pid;
  console.log(`${"".padEnd(60)}     p50     p95     cpu`);
  const client = new AbsurdClient(pool);
  for (const [name, conditions] of Object.entries(FILTERS)) {
    await time(`list ${name}`, () => client.list({ conditions }, { limit: 100 }));
  }
  for (const [name, conditions] of Object.entries(FILTERS)) {
    await time(`count ${name}`, () => client.count({ conditions }));
  }
  const { tasks } = await client.list({ conditions: [fieldIs("status", "failed")] });
  const { tasks: pending } = await client.list({ conditions: [fieldIs("status", "pending")] });
  await time("detail", () => client.show(tasks[0]!.taskId));
  await time("explain", () => client.explain(pending[0]!.taskId));
  // As the leader does every ten seconds.
  const note = (): Promise<unknown> => pool.query("select absurd.note_depths()");
  await time("depths, as the leader counts them", note);
  await time("queue stats", () => client.stats(), note);
  await time("queues", () => client.queues.list(), note);
  await time("groups", () => client.deadLetters.groups());
  await time("dead letters", () => client.deadLetters.list({}, { limit: 100 }));
  const day = { from: new Date(Date.now() - 24 * HOUR * 1000), stepSeconds: 300, together: true };
  await time("history, a day by five minutes", () => client.history.stats(day));
  const from = new Date(Date.now() - 7 * 24 * HOUR * 1000);
  await time("history, a week by hours", () => client.history.stats({ from, together: true }));
  await time("history, a week by hours, by queue and name", () => client.history.stats({ from }));
  const reader = new ChangeReader(pool);
  await reader.read();
  await time("changes, none", () => reader.read());
  await time(
    "changes, 500 spawned",
    () => reader.read(),
    () =>
      pool.query(
        `select absurd.spawn_tasks((select jsonb_agg('{"task_name": "task-01"}'::jsonb)
                                      from generate_series(1, 500)))`,
      ),
  );
}

/** Two rounds first that do not count: what the caches hold is what operators meet. */
async function time(
  name: string,
  work: () => Promise<unknown>,
  before?: () => Promise<unknown>,
): Promise<void> {
  const times: number[] = [];
  const cpuTimes: number[] = [];
  for (let round = -2; round < Number(flags.rounds); round++) {
    await before?.();
    const [began, cpuBegan] = [performance.now(), serverCpuMs()];
    await work();
    if (round < 0) continue;
    times.push(performance.now() - began);
    cpuTimes.push(serverCpuMs() - cpuBegan);
  }
  // Over HTTP it is the API's own sessions that work.
  const cells = [
    at(times, 0.5),
    at(times, 0.95),
    name.startsWith("GET ") ? NaN : at(cpuTimes, 0.5),
  ];
  const texts = cells.map((ms) => (Number.isNaN(ms) ? "–" : ms.toFixed(1)).padStart(8));
  console.log(`${name.padEnd(60)}${texts.join("")}`);
}

function at(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!;
}

/** Of the one connection's process; NaN when the server runs elsewhere. */
function serverCpuMs(): number {
  try {
    return Number(readFileSync(`/proc/${backendPid}/schedstat`, "utf8").split(" ")[0]) / 1e6;
  } catch {
    return NaN;
  }
}
