/**
 * The same questions over HTTP, as the dashboard asks them, and what HTTP adds to the engine's
 * CPU.
 */
import { AbsurdClient, fieldIs } from "@contimg/absurd";
import { startServer } from "@contimg/api";
import type pg from "pg";

export type Time = (name: string, work: () => Promise<unknown>) => Promise<void>;

const CPU_ROUNDS = 100;

/** As reading.ts asks the engine. */
const FILTERS = [
  ...["", "status:failed", "status:pending", "name:task-03 status:failed"],
  ...["name:task-20 status:completed", "tag:test age<24h", "correlation:night-2500"],
  ...["run>5m -name:task-03", "param.index:999000", "error:OutOfMemory worker:worker-7"],
  "nowhere",
];

/** Of the overview's charts, and the longest that the queues' page offers by hours. */
const HISTORIES = [
  "hours=1&resolution=1m",
  "hours=24&resolution=5m",
  "hours=168&resolution=1h",
].map((query) => `metrics/history?${query}`);

export async function askHttp(connectionString: string, pool: pg.Pool, time: Time): Promise<void> {
  const server = await startServer({ connectionString, port: 0 });
  const get = async (path: string): Promise<Response> => {
    const answer = await fetch(`${server.url}/absurd/${path}`);
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    await answer.arrayBuffer();
    return answer;
  };
  try {
    for (const q of FILTERS) {
      await time(`GET tasks ${q}`, () => get(`tasks?limit=100&q=${encodeURIComponent(q)}`));
    }
    for (const q of FILTERS) {
      await time(`GET tasks/counts ${q}`, () => get(`tasks/counts?q=${encodeURIComponent(q)}`));
    }
    const client = new AbsurdClient(pool);
    const { tasks } = await client.list({ conditions: [fieldIs("status", "failed")] });
    const { taskId } = tasks[0]!;
    await time("GET tasks/{task_id}", () => get(`tasks/${taskId}`));
    for (const path of ["overview", "queues", "workers", "failures", "metrics", ...HISTORIES]) {
      await time(`GET ${path}`, () => get(path));
    }
    const engine = await cpuMs(() => client.show(taskId));
    const url = `/absurd/tasks/${taskId}`;
    const http = await cpuMs(() => server.app.fastify.inject({ url }));
    console.log(`\nCPU of a task's detail: engine ${engine}, with HTTP ${http} (client left out)`);
    const page = await cpuMs(() => client.list({ conditions: [] }, { limit: 100 }));
    const listUrl = "/absurd/tasks?limit=100";
    const listed = await cpuMs(() => server.app.fastify.inject({ url: listUrl }));
    console.log(`CPU of a list of 100: engine ${page}, with HTTP ${listed} (client left out)`);
  } finally {
    await server.close();
  }
}

/** Of this process, once its code is warm. */
async function cpuMs(work: () => Promise<unknown>): Promise<string> {
  for (let round = 0; round < CPU_ROUNDS / 2; round++) await work();
  const before = process.cpuUsage();
  for (let round = 0; round < CPU_ROUNDS; round++) await work();
  const { user, system } = process.cpuUsage(before);
  return `${((user + system) / 1000 / CPU_ROUNDS).toFixed(2)} ms`;
}
