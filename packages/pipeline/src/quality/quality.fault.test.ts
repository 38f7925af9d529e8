/** Gates through a real worker and PostgreSQL: chains stop, wait for a person, and go round. */
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { AbsurdClient } from "@contimg/absurd";
import { until } from "@contimg/testkit";
import type pg from "pg";
import { afterAll, afterEach, beforeAll, describe, test } from "vitest";

import { calibrationTablePath } from "../products/paths.ts";
import { ProductRegistry } from "../products/registry.ts";
import { stageTasks } from "../stage-task.ts";
import { decide, type Decision } from "./decide.ts";
import { flagStage, GATED_STAGES_URL, nextStage, solveStage } from "./gated-stages.test-stage.ts";
import { pipelineDatabase } from "../testing/pipeline-database.ts";

const STAGES = [flagStage, solveStage, nextStage].map((stage) => ({
  stage,
  url: GATED_STAGES_URL,
}));
const SOLVE = "calibration-solve";
/** The telescope's limits reject a solution or let it pass; some of ours hold it. */
const LIMITS = {
  stages: {
    [SOLVE]: {
      amplitude_scatter: { at_most: { hold: 0.8 } },
      phase_scatter_deg: { at_most: { hold: 20 } },
    },
  },
};
const HELD = { amplitude_scatter: 0.9 };
const RESTLESS = { phase_scatter_deg: 25 };
const NOISY = { median_snr: 3 };
/** No way leads round it when the calibrator was asked for. */
const FEW = { usable_count: 3 };
const SIGNED = { by: "Ada", reason: "two subbands only, the rest is fine" };

const database = pipelineDatabase();

let dataRoot: string;
let pool: pg.Pool;
let client: AbsurdClient;
const workers: ChildProcess[] = [];
let groupCount = 0;
beforeAll(() => {
  dataRoot = mkdtempSync(join(tmpdir(), "gates-"));
  pool = database.pool();
  const options = { pool, dataRoot, threadCount: 1, queue: "gates" };
  client = new AbsurdClient(pool, { tasks: stageTasks(STAGES, options) });
});
afterEach(async () => {
  for (const worker of workers.splice(0)) await kill(worker);
});
afterAll(async () => {
  await client.close();
  rmSync(dataRoot, { recursive: true });
});

describe("a run that its gate holds", () => {
  test("waits through kill -9, and goes on when a person has released it", async () => {
    const worker = await startWorker();
    const chain = await spawnChain({ metrics: { "A/r1": HELD } });
    await untilState(chain, "held");
    await kill(worker);

    assert.equal((await client.show(chain.solve)).place.place, "waiting");
    assert.equal((await client.show(chain.next)).place.place, "waiting");
    assert.equal(await calibrationCount(chain), 0, "nobody finds the table before");
    await assert.rejects(findTable(chain), { tag: "QualityHeld" });
    // Nobody works now: the decision is made all the same.
    await decideOn(chain, "released");
    await startWorker();
    const [solve, next] = await client.awaitTasks([chain.solve, chain.next]);

    assert.equal(solve?.status, "completed");
    assert.equal(next?.status, "completed", next?.error?.message);
    assert.deepEqual((solve.result as { released: object }).released, SIGNED);
    assert.equal(await calibrationCount(chain), 1);
    assert.equal(await findTable(chain), join(dataRoot, calibrationTablePath(chain.group)));
  });

  test("and what is made from it say who released it, when and why", async () => {
    await startWorker();
    const chain = await spawnChain({ metrics: { "A/r1": HELD } });
    await untilState(chain, "held");
    await decideOn(chain, "released");
    await client.awaitTasks([chain.next]);

    const { rows: products } = await pool.query<{
      metadata: { quality_override?: Record<string, string> };
      correlation_id: string;
    }>("select * from contimg.products where group_id = $1 order by kind", [chain.group]);
    const { at, ...override } = products[0]!.metadata.quality_override!;
    assert.deepEqual(override, { decision: "released", ...SIGNED });
    assert.ok(Date.parse(at!) > 0);
    assert.deepEqual(
      products.map((product) => product.correlation_id),
      [chain.group, chain.group],
    );
    const { rows } = await pool.query<{ findings: string[] }>(
      "select findings from contimg.quality_verdicts where group_id = $1 and task_name = $2",
      [chain.group, nextStage.name],
    );
    assert.match(rows[0]!.findings[0]!, /held and released by Ada: two subbands only/);
  });

  test("is decided once", async () => {
    await startWorker();
    const chain = await spawnChain({ metrics: { "A/r1": HELD } });
    await untilState(chain, "held");

    const both = await Promise.allSettled([
      decideOn(chain, "released"),
      decideOn(chain, "released"),
    ]);

    assert.deepEqual(both.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
    await assert.rejects(decideOn(chain, "rejected"), /has no run of calibration-solve that is/);
    await assert.rejects(
      decide(pool, STAGES, { ...decision(chain), by: " " }),
      /expected .* a name/,
    );
  });

  test("ends its chain when a person rejects it, and no other", async () => {
    await startWorker();
    const [bad, good] = [await spawnChain({ metrics: { "A/r1": HELD } }), await spawnChain({})];
    await untilState(bad, "held");

    await decideOn(bad, "rejected");
    const [solve, next, sibling] = await client.awaitTasks([bad.solve, bad.next, good.next]);

    assert.equal(solve?.status, "cancelled");
    assert.match(solve.error!.message, /rejected by Ada: two subbands only/);
    assert.equal(next?.status, "cancelled");
    assert.equal(next.error?.tag, "DependencyFailed");
    assert.ok(next.error.message.includes(bad.solve), next.error.message);
    assert.equal(sibling?.status, "completed");
    assert.equal(await calibrationCount(bad), 0);
    await assert.rejects(findTable(bad), { tag: "QualityRejected" });
  });

  test("gives way to a later run of the same stage", async () => {
    await startWorker();
    const chain = await spawnChain({ metrics: { "A/r1": HELD } });
    await untilState(chain, "held");

    const { taskId } = await client.spawn(SOLVE, { group_id: chain.group });
    await client.awaitTasks([taskId]);
    const [old] = await client.awaitTasks([chain.solve]);

    assert.equal(old?.status, "cancelled");
    assert.match(old.error!.message, /a later run of calibration-solve took its place/);
    await assert.rejects(decideOn(chain, "released"), { tag: "MissingProduct" });
  });
});

test("a worker that is killed in the gate's transaction leaves nothing of it", async () => {
  const holder = await pool.connect();
  await holder.query("begin");
  await holder.query("lock table contimg.quality_cases in exclusive mode");
  const worker = await startWorker();
  const chain = await spawnChain({ metrics: { "A/r1": HELD } });
  const waiting = `select from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`;
  await until(async () => (await pool.query(waiting)).rowCount, {
    what: "the worker waits at the table of cases",
    deadlineMs: 60_000,
  });
  await kill(worker);
  await holder.query("commit");
  holder.release();

  await startWorker();
  await untilState(chain, "held");

  assert.equal((await cases(chain)).length, 1);
  assert.equal((await client.show(chain.solve)).attempt, 2);
  await decideOn(chain, "released");
  const [next] = await client.awaitTasks([chain.next]);
  assert.equal(next?.status, "completed");
});

describe("a run that its gate rejects", () => {
  test("publishes nothing, fails with its findings and ends its chain alone", async () => {
    await startWorker();
    const bad = await spawnChain({ metrics: { "A/r1": FEW }, calibrator: "A" });
    const good = await spawnChain({});

    const [solve, next, sibling] = await client.awaitTasks([bad.solve, bad.next, good.next]);

    assert.equal(solve?.status, "failed");
    assert.equal(solve.attempt, 1);
    assert.equal(solve.error?.tag, "QualityRejected");
    assert.equal(solve.error.class, "fatal");
    assert.match(solve.error.message, /number of antennas with gains is 3, expected at least 10/);
    assert.equal(solve.error.fields["runbook"], "docs/operations/a-run-is-rejected.md");
    assert.equal(next?.status, "cancelled");
    assert.ok(next.error?.message.includes(bad.solve), next.error?.message);
    assert.equal(sibling?.status, "completed");
    assert.ok(!existsSync(join(dataRoot, calibrationTablePath(bad.group))));
    const { rowCount } = await pool.query("select from contimg.products where group_id = $1", [
      bad.group,
    ]);
    assert.equal(rowCount, 0);
  });
});

describe("a way round a gate", () => {
  test("is gone by a task of its own, through kill -9, and the chain goes on", async () => {
    const worker = await startWorker();
    const chain = await spawnChain({ references: ["r1", "r2"], metrics: { "A/r1": RESTLESS } });
    await untilState(chain, "recovering");
    await kill(worker);
    await startWorker();

    const [solve, next] = await client.awaitTasks([chain.solve, chain.next]);

    assert.equal(next?.status, "completed", next?.error?.message);
    const [only, ...others] = await cases(chain);
    assert.equal(others.length, 0);
    assert.equal(only?.state, "recovered");
    const standIn = await client.show(only.recovery_task_id!);
    assert.deepEqual((standIn.params as { skip_references: string[] }).skip_references, ["r1"]);
    assert.equal(standIn.parentTaskId, chain.solve);
    assert.equal(standIn.correlationId, chain.group);
    assert.deepEqual((solve?.result as { recovered: object }).recovered, {
      route: "next-reference",
      task_id: standIn.taskId,
    });
    const table = await findTable(chain);
    assert.equal(readFileSync(table, "utf8"), "A r2\n");
    const { rows } = await pool.query(
      "select task_id from contimg.products where kind = $1 and group_id = $2",
      ["calibration-table", chain.group],
    );
    assert.deepEqual(rows, [{ task_id: standIn.taskId }]);
  });

  test("is gone once; then the next one, then the gate's word holds", async () => {
    await startWorker();
    const all = ["A/r1", "A/r2", "A/r3", "B/r1", "B/r2", "B/r3", "B/r2/flagged"];
    const chain = await spawnChain({
      references: ["r1", "r2", "r3"],
      calibrators: ["A", "B"],
      metrics: Object.fromEntries(all.map((pair) => [pair, { phase_scatter_deg: 40 }])),
    });

    const [solve, next] = await client.awaitTasks([chain.solve, chain.next]);

    assert.equal(solve?.status, "failed");
    assert.equal(next?.status, "cancelled");
    const { rows } = await pool.query<{ route: string }>(
      "select route from contimg.quality_recoveries where root_task_id = $1 order by begun_at",
      [chain.solve],
    );
    assert.deepEqual(
      rows.map(({ route }) => route),
      ["next-reference", "next-calibrator", "flag-thorough"],
    );
    assert.match(
      solve.error!.message,
      /next-reference \(task .*\) did not help: .*next-calibrator .*flag-thorough/,
    );
    assert.deepEqual(
      (await cases(chain)).map(({ state }) => state),
      ["failed", "failed", "failed", "rejected"],
    );
  });

  test("flags thoroughly first and solves again, when no calibrator helps", async () => {
    await startWorker();
    const chain = await spawnChain({ calibrator: "A", metrics: { "A/r1": NOISY } });

    const [solve, next] = await client.awaitTasks([chain.solve, chain.next]);

    assert.equal(next?.status, "completed", next?.error?.message);
    const [only] = await cases(chain);
    assert.equal(only?.state, "recovered");
    const standIn = await client.show(only.recovery_task_id!);
    const [flagging] = await client.awaitTasks(standIn.dependsOn);
    assert.equal(flagging?.taskName, flagStage.name);
    assert.equal(flagging.correlationId, chain.group);
    const { recovered } = solve?.result as { recovered: object };
    assert.deepEqual(recovered, { route: "flag-thorough", task_id: standIn.taskId });
  });

  test("that did not help leaves a run to be held as it would have been", async () => {
    await startWorker();
    const metrics = { "A/r1": RESTLESS, "A/r2": NOISY, "A/r2/flagged": NOISY };
    const both = { metrics: { ...metrics, "A/r1/flagged": RESTLESS }, calibrator: "A" };
    const chain = await spawnChain({ references: ["r1", "r2"], ...both });

    await untilState(chain, "held");

    assert.equal((await client.show(chain.solve)).place.place, "waiting");
    await decideOn(chain, "released");
    const [next] = await client.awaitTasks([chain.next]);
    assert.equal(next?.status, "completed");
    assert.equal(readFileSync(await findTable(chain), "utf8"), "A r1\n");
  });
});

interface Chain {
  readonly group: string;
  readonly solve: string;
  readonly next: string;
}

async function spawnChain(params: object): Promise<Chain> {
  groupCount += 1;
  const group = `2026-01-25T22:00:${String(groupCount).padStart(2, "0")}`;
  const [solve, next] = await client.spawnMany([
    { task: SOLVE, params: { group_id: group, ...params }, correlationId: group },
    { task: nextStage.name, params: { group_id: group }, correlationId: group, dependsOn: [0] },
  ]);
  return { group, solve: solve!.taskId, next: next!.taskId };
}

function decision(chain: Chain): Decision {
  return { ...SIGNED, groupId: chain.group, stage: SOLVE, decision: "released" };
}

function decideOn(chain: Chain, what: Decision["decision"]) {
  return decide(pool, STAGES, { ...decision(chain), decision: what });
}

function findTable({ group }: Chain): Promise<string> {
  return new ProductRegistry(pool, dataRoot).find("calibration-table", group);
}

async function calibrationCount({ group }: Chain): Promise<number | null> {
  const found = await pool.query("select from contimg.calibrations where group_id = $1", [group]);
  return found.rowCount;
}

interface CaseState {
  readonly state: string;
  readonly recovery_task_id: string | null;
}

async function cases({ group }: Chain): Promise<CaseState[]> {
  const { rows } = await pool.query<CaseState>(
    "select * from contimg.quality_cases where group_id = $1 order by opened_at",
    [group],
  );
  return rows;
}

function untilState(chain: Chain, state: string): Promise<unknown> {
  return until(async () => (await cases(chain)).some((each) => each.state === state), {
    what: `a case of group ${chain.group} is ${state}`,
    deadlineMs: 60_000,
  });
}

async function startWorker(): Promise<ChildProcess> {
  const options = { connectionString: database.url, dataRoot, thresholds: LIMITS };
  const program = join(import.meta.dirname, "gate-worker.test-process.ts");
  const worker = fork(program, [JSON.stringify(options)]);
  workers.push(worker);
  await once(worker, "message");
  return worker;
}

async function kill(worker: ChildProcess): Promise<void> {
  if (worker.exitCode !== null || worker.signalCode !== null) return;
  worker.kill("SIGKILL");
  await once(worker, "exit");
}
