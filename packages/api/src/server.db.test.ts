import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { AbsurdClient, defineTask, startWorker, TaskError } from "@contimg/absurd";
import { Client, metrics, PROBLEM_CODES } from "@contimg/contract";
import { freshDatabase, until } from "@contimg/testkit";
import type pg from "pg";
import { describe, onTestFinished, test } from "vitest";
import { z } from "zod";

import { preferred } from "./metrics/serve-metrics.ts";
import { startServer } from "./server.ts";

const database = freshDatabase();
const PYTHON = "/usr/bin/python3";
const referee = spawnSync(PYTHON, ["-c", "import prometheus_client"]).status === 0;
/**
 * Every sample as the client library of Prometheus (Debian: python3-prometheus-client) reads
 * it.
 */
const READ = `
import json, sys
from prometheus_client.parser import text_string_to_metric_families
families = list(text_string_to_metric_families(sys.stdin.read()))
assert all(f.documentation and f.type != "unknown" for f in families), families
print(json.dumps([dict(name=s.name, labels=s.labels, value=s.value)
                  for f in families for s in f.samples]))
`;
const samplesSchema = z.array(
  z.object({ name: z.string(), labels: z.record(z.string(), z.string()), value: z.number() }),
);

function readByReferee(text: string): z.output<typeof samplesSchema> {
  const read = spawnSync(PYTHON, ["-c", READ], { input: text, encoding: "utf8" });
  assert.equal(read.status, 0, read.stderr);
  return samplesSchema.parse(JSON.parse(read.stdout));
}

const greet = defineTask({
  name: "greet",
  params: z.strictObject({ name: z.string() }),
  handler: () => null,
});

const breaks = defineTask({
  name: "breaks",
  params: z.strictObject({}),
  handler: () => {
    throw new TaskError("fatal", "the antenna is odd", { tag: "OddAntenna" });
  },
});

async function setup() {
  const server = await startServer({ connectionString: database.url, port: 0, checkAnswers: true });
  onTestFinished(() => server.close());
  const pool = database.pool();
  return { url: server.url, pool, client: new AbsurdClient(pool, { tasks: [greet] }) };
}

describe("/absurd/metrics", () => {
  test("has the mission's names, and histograms of what ended", async () => {
    const { url, client, pool } = await setup();
    const { taskId } = await client.spawn(greet, { name: "a" });
    await client.cancel(taskId);
    await client.spawn(greet, { name: "b" });
    await untilRolledUp(client, pool, "default");
    await pool.query(
      `select absurd.add_rollups(array[row(
                absurd.clock(), 'default', k.kind_id, 1, 0, 0, 1, 0.5, 3,
                absurd.histogram_of('{0.5}'), absurd.histogram_of('{3}'))::absurd.rollup_minute])
         from absurd.kind k where k.name = 'greet'`,
    );

    const text = await (await fetch(`${url}/absurd/metrics`)).text();

    for (const line of [
      /^absurd_tasks_total{status="spawned"} 2$/m,
      /^absurd_tasks_total{status="cancelled"} 1$/m,
      /^absurd_tasks_current{status="pending"} 1$/m,
      /^absurd_error_rate{window="5m"} /m,
      /^absurd_wait_time_seconds{quantile="0.95"} /m,
      /^absurd_workers{state="active"} 0$/m,
      /^# TYPE absurd_task_wait_seconds histogram$/m,
      /^absurd_task_run_seconds_bucket{queue="default",task_name="greet",le="1.024"} 0$/m,
      /^absurd_task_run_seconds_bucket{queue="default",task_name="greet",le="4.096"} 1$/m,
      /^absurd_task_run_seconds_bucket{queue="default",task_name="greet",le="\+Inf"} 1$/m,
      /^absurd_task_run_seconds_sum{queue="default",task_name="greet"} 3$/m,
      /^absurd_task_wait_seconds_bucket{queue="default",task_name="greet",le="1.024"} 1$/m,
    ]) {
      assert.match(text, line);
    }
  });

  test("is JSON for who prefers it", async () => {
    const { url } = await setup();
    const ask = (accept: string) => fetch(`${url}/absurd/metrics`, { headers: { accept } });

    metrics.parse(await (await ask("application/json")).json());
    assert.match((await ask("*/*")).headers.get("content-type")!, /^text\/plain/);
    assert.equal((await ask("image/png")).status, 406);
    // What Prometheus sends.
    const scrape = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;q=0.5,*/*;q=0.1";
    assert.equal(preferred(scrape), "text/plain");
    assert.equal(preferred("application/json, text/plain, */*"), "text/plain");
  });

  test.skipIf(!referee)("are read by Prometheus's own client, as they were meant", async () => {
    const { url, client, pool } = await setup();
    const queue = 'odd "name" \\ of a queue';
    const { taskId } = await client.spawn(greet, { name: "c" }, { queue });
    const worker = await startWorker({
      connectionString: database.url,
      tasks: [greet],
      queues: [queue],
    });
    const isDone = async () => (await client.show(taskId)).status === "completed";
    await until(isDone, { what: "the task ran" }).finally(() => worker.stop());
    await untilRolledUp(client, pool, queue);

    const samples = readByReferee(await (await fetch(`${url}/absurd/metrics/prometheus`)).text());

    const series = samples.map(({ name, labels }) => JSON.stringify([name, labels]));
    assert.equal(new Set(series).size, series.length, "a series is told once");
    for (const name of ["absurd_task_wait_seconds", "absurd_task_run_seconds"]) {
      const own = samples.filter(({ labels }) => labels["queue"] === queue);
      const buckets = own.filter((each) => each.name === `${name}_bucket`);
      const counts = buckets.map(({ value }) => value);
      assert.deepEqual(
        counts,
        counts.toSorted((a, b) => a - b),
        "buckets add up",
      );
      assert.equal(buckets.at(-1)?.labels["le"], "+Inf");
      assert.equal(counts.at(-1), 1);
      assert.equal(own.find((each) => each.name === `${name}_count`)?.value, 1);
      const sum = own.find((each) => each.name === `${name}_sum`)?.value ?? -1;
      const fitting = buckets.find(({ labels }) => Number(labels["le"]) >= sum);
      assert.equal(fitting?.value ?? 1, 1, `a sum of ${sum} s is in the bucket that has it`);
    }
  });
});

/** A transaction that is open anywhere on the server makes a roll-up wait for it. */
async function untilRolledUp(client: AbsurdClient, pool: pg.Pool, queue: string): Promise<void> {
  const isThere = async (): Promise<boolean> => {
    await pool.query("select absurd.roll_up()");
    return (await client.history.totals()).some((totals) => totals.queue === queue);
  };
  await until(isThere, { what: `what ended in ${queue} is rolled up` });
}

describe("the documentation", () => {
  test("is served with every problem's anchor and nothing from elsewhere", async () => {
    const { url } = await setup();

    const document = (await (await fetch(`${url}/absurd/openapi.json`)).json()) as {
      openapi: string;
    };
    const problems = await (await fetch(`${url}/absurd/docs/problems`)).text();
    const pages = await Promise.all(
      ["docs", "docs/page.js", "docs/page.css"].map(async (path) => {
        const answer = await fetch(`${url}/absurd/${path}`);
        assert.equal(answer.status, 200);
        return answer.text();
      }),
    );

    assert.equal(document.openapi, "3.1.1");
    for (const code of PROBLEM_CODES) assert.ok(problems.includes(`id="${code}"`), code);
    assert.doesNotMatch(pages.join(""), /https?:\/\//);
  });
});

describe("live updates", () => {
  test("tell what the engine did, resume after a restart, and what the API changed", async () => {
    const first = await startServer({ connectionString: database.url, port: 0 });
    const heard = await listen(`${first.url}/absurd/live`);
    await until(() => heard.id(), { what: "the first id" });
    const client = new AbsurdClient(database.pool(), { tasks: [greet] });

    const { taskId } = await client.spawn(greet, { name: "a" });
    await until(() => heard.text().includes(taskId), { what: "the spawn" });
    await fetch(`${first.url}/absurd/queues/default/pause`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    });
    await until(() => heard.text().includes('"what":"queues"'), { what: "the pause" });
    const id = heard.id()!;
    await first.close();
    await client.cancel(taskId);

    const second = await startServer({ connectionString: database.url, port: 0 });
    onTestFinished(() => second.close());
    const again = await listen(`${second.url}/absurd/live`, { "last-event-id": id });
    await until(() => /"status":"cancelled"/.test(again.text()), { what: "what was missed" });
  });
});

async function listen(url: string, headers: Record<string, string> = {}) {
  const stop = new AbortController();
  onTestFinished(() => {
    stop.abort();
  });
  const answer = await fetch(url, { headers, signal: stop.signal });
  let text = "";
  const decoder = new TextDecoder();
  void (async () => {
    for await (const chunk of answer.body! as AsyncIterable<Uint8Array>)
      text += decoder.decode(chunk, { stream: true });
  })().catch(() => undefined);
  return {
    text: () => text,
    id: () => [...text.matchAll(/^id: (.*)$/gm)].at(-1)?.[1],
  };
}

test("a failure has the hint of its program, and the address of its runbook", async () => {
  const folder = mkdtempSync(join(tmpdir(), "runbooks-"));
  writeFileSync(join(folder, "odd.md"), "# When an antenna is odd\n");
  const server = await startServer({
    connectionString: database.url,
    port: 0,
    basePath: "/ops",
    hints: { OddAntenna: { hint: "look at the antenna", runbook: "odd.md" } },
    runbookFolder: folder,
  });
  const where = { connectionString: database.url, queues: ["odd"] };
  const worker = await startWorker({ ...where, tasks: [breaks] });
  onTestFinished(async () => {
    await worker.stop();
    await server.close();
    rmSync(folder, { recursive: true });
  });
  const engine = new AbsurdClient(database.pool(), { tasks: [breaks] });
  await engine.awaitTasks([(await engine.spawn(breaks, {}, { queue: "odd" })).taskId]);

  const { groups } = await new Client({ baseUrl: server.url }).call("listFailureGroups");

  const group = groups.find((each) => each.error_tag === "OddAntenna");
  assert.equal(group?.hint, "look at the antenna");
  assert.equal(group.runbook_url, "/ops/absurd/docs/runbooks/odd.md");
  const runbook = await fetch(new URL(group.runbook_url, server.url));
  assert.equal(await runbook.text(), "# When an antenna is odd\n");
  for (const name of ["no.md", "..%2F..%2Fpackage.json", "%2e%2e/odd.md"]) {
    const missing = await fetch(`${server.url}/absurd/docs/runbooks/${name}`);
    assert.equal(missing.status, 404, name);
  }
});
