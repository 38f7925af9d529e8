/** Contract tests of failures, bulk actions and health. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import type { BULK_ROUTES, BulkAction, FAILURE_ROUTES, HEALTH_ROUTES } from "@contimg/contract";
import { until } from "@contimg/testkit";

import { type CasesOf, NO_WORKFLOW } from "./contract-cases.ts";
import { type Stage, UNSERVED } from "./contract-stage.ts";

async function groupOf(stage: Stage, taskId: string): Promise<string> {
  const [letter] = await stage.engine.deadLetters.list({ taskIds: [taskId] });
  return letter?.fingerprint ?? "";
}

export const FAILURE_CASES: CasesOf<typeof FAILURE_ROUTES> = {
  listFailureGroups: {
    async answers(stage) {
      await stage.dead("no room left");
      const fingerprint = await groupOf(stage, await stage.dead("no room left"));
      const { groups } = await stage.call("listFailureGroups", { query: { state: "open" } });
      const group = groups.find((each) => each.fingerprint === fingerprint);
      assert.deepEqual([group?.count, group?.error_tag, group?.error_class], [2, "Disk", "fatal"]);
      assert.deepEqual(
        [group?.hint, group?.runbook_url],
        ["make room on the disk", "/absurd/docs/runbooks/disk-full.md"],
      );
    },
    problems: {},
  },
  updateFailureGroup: {
    async answers(stage) {
      const params = { fingerprint: await groupOf(stage, await stage.dead("of somebody")) };
      const body = { state: "acknowledged" as const, assignee: "ada", note: "on it" };
      const group = await stage.call("updateFailureGroup", { params, body });
      assert.deepEqual([group.state, group.assignee, group.note], ["acknowledged", "ada", "on it"]);
    },
    problems: {
      NOT_FOUND: (stage) => {
        const params = { fingerprint: "no-such" };
        return stage.call("updateFailureGroup", { params, body: { state: "resolved" } });
      },
    },
  },
  listDeadLetters: {
    async answers(stage) {
      const why = `oldest ${randomUUID()}`;
      const ids = [await stage.dead(why), await stage.dead(why)];
      const fingerprint = await groupOf(stage, ids[0]!);
      const query = { fingerprint, limit: 1 };
      const first = await stage.call("listDeadLetters", { query });
      assert.deepEqual(
        first.dead_letters.map((each) => each.task_id),
        [ids[0]],
      );
      const rest = { ...query, cursor: first.next_cursor ?? "" };
      const second = await stage.call("listDeadLetters", { query: rest });
      assert.deepEqual(
        second.dead_letters.map((each) => each.task_id),
        [ids[1]],
      );
      assert.equal(second.next_cursor, null);
    },
    problems: {
      INVALID_CURSOR: (stage) => stage.call("listDeadLetters", { query: { cursor: "x" } }),
    },
  },
  replayDeadLetters: {
    async answers(stage) {
      const id = await stage.dead("replayed");
      const body = { filter: { task_ids: [id] }, reason: "room was made" };
      const dry = await stage.call("replayDeadLetters", { query: { dry_run: "true" }, body });
      assert.deepEqual([dry.task_ids, dry.count], [[id], 1]);
      assert.equal((await stage.engine.show(id)).status, "failed");
      const patched = { ...body, params_patch: { why: "again" } };
      assert.equal((await stage.call("replayDeadLetters", { body: patched })).count, 1);
      await until(async () => (await stage.engine.show(id)).attempt === 2, {
        what: "it ran again",
      });
      await stage.reached(id, "failed");
      assert.equal((await stage.engine.show(id)).error?.message, "again");
    },
    problems: {},
  },
  discardDeadLetters: {
    async answers(stage) {
      const id = await stage.dead("discarded");
      const body = { filter: { task_ids: [id] }, reason: "never mind" };
      assert.deepEqual((await stage.call("discardDeadLetters", { body })).task_ids, [id]);
      assert.equal((await stage.engine.show(id)).status, "cancelled");
    },
    problems: {},
  },
};

async function undoneBulk(stage: Stage): Promise<{ bulk_id: string }> {
  const { bulk_id: bulkId } = await cancelled(stage, [await stage.idle()]);
  await stage.call("undoBulk", { params: { bulk_id: bulkId } });
  return { bulk_id: bulkId };
}

const noBulk = { params: { bulk_id: NO_WORKFLOW } };
const unreadable = { action: "cancel" as const, selection: { q: "status:" } };

async function cancelled(stage: Stage, taskIds: string[]): Promise<BulkAction> {
  const body = { action: "cancel" as const, selection: { task_ids: taskIds }, reason: "a test" };
  const { bulk_id: id } = await stage.call("startBulk", { body });
  return ended(stage, id);
}

async function ended(stage: Stage, id: string): Promise<BulkAction> {
  return until(
    async () => {
      const bulk = await stage.call("getBulk", { params: { bulk_id: id } });
      return bulk.state === "running" ? undefined : bulk;
    },
    { what: `bulk action ${id} is over` },
  );
}

export const BULK_CASES: CasesOf<typeof BULK_ROUTES> = {
  previewBulk: {
    async answers(stage) {
      const tag = randomUUID();
      const newest = [await stage.idle({ tags: [tag] }), await stage.idle({ tags: [tag] })].at(-1);
      await stage.engine.cancel(await stage.idle({ tags: [tag] }));
      const body = { action: "cancel" as const, selection: { q: `tag:${tag}` } };
      const preview = await stage.call("previewBulk", { body });
      assert.deepEqual([preview.count, preview.at_least], [2, false]);
      assert.deepEqual(preview.by_task_name, [{ task_name: "contract-add", count: 2 }]);
      assert.equal(preview.sample[0]?.task_id, newest);
    },
    problems: { INVALID_FILTER: (stage) => stage.call("previewBulk", { body: unreadable }) },
  },
  startBulk: {
    async answers(stage) {
      const tag = randomUUID();
      const ids = [await stage.idle({ tags: [tag] }), await stage.idle({ tags: [tag] })];
      const selection = { q: `tag:${tag}` };
      const body = { action: "move" as const, selection, priority: 7, reason: "first of all" };
      const started = await stage.call("startBulk", { body });
      assert.deepEqual(
        [started.q, started.reason, started.actor],
        [`tag:${tag}`, body.reason, "local"],
      );
      const bulk = await ended(stage, started.bulk_id);
      assert.deepEqual([bulk.state, bulk.total, bulk.done, bulk.skipped], ["completed", 2, 2, 0]);
      for (const id of ids) assert.equal((await stage.engine.show(id)).priority, 7);
    },
    problems: {
      INVALID_FILTER: (stage) =>
        stage.call("startBulk", { body: { ...unreadable, reason: "a test" } }),
      IDEMPOTENCY_CONFLICT: async (stage) => {
        const selection = { task_ids: [await stage.idle()] };
        const body = { action: "cancel" as const, selection, reason: "a test" };
        const options = { idempotencyKey: randomUUID() };
        await stage.call("startBulk", { body }, options);
        return stage.call("startBulk", { body: { ...body, reason: "another" } }, options);
      },
    },
  },
  listBulks: {
    async answers(stage) {
      const older = await cancelled(stage, [await stage.idle()]);
      const newer = await cancelled(stage, [await stage.idle()]);
      const first = await stage.call("listBulks", { query: { limit: 1 } });
      assert.deepEqual(
        first.bulk_actions.map((each) => each.bulk_id),
        [newer.bulk_id],
      );
      const query = { limit: 1, cursor: first.next_cursor ?? "" };
      const second = await stage.call("listBulks", { query });
      assert.deepEqual(
        second.bulk_actions.map((each) => each.bulk_id),
        [older.bulk_id],
      );
    },
    problems: { INVALID_CURSOR: (stage) => stage.call("listBulks", { query: { cursor: "x" } }) },
  },
  getBulk: {
    async answers(stage) {
      const bulk = await cancelled(stage, [await stage.idle(), await stage.dead()]);
      assert.deepEqual([bulk.total, bulk.done, bulk.skipped], [2, 1, 1]);
      assert.ok(bulk.ended_at);
    },
    problems: { NOT_FOUND: (stage) => stage.call("getBulk", noBulk) },
  },
  previewUndo: {
    async answers(stage) {
      const [goes, stays] = [await stage.idle(), await stage.idle()];
      const { bulk_id: bulkId } = await cancelled(stage, [goes, stays]);
      await stage.engine.retry(stays);
      assert.deepEqual(await stage.call("previewUndo", { params: { bulk_id: bulkId } }), {
        ...{ undoable: 1, gone_on: 1, beyond: 0 },
        ...{ undoable_ids: [goes], gone_on_ids: [stays] },
      });
      assert.equal((await stage.engine.show(goes)).status, "cancelled");
    },
    problems: {
      NOT_FOUND: (stage) => stage.call("previewUndo", noBulk),
      CONFLICT: async (stage) => {
        const params = await undoneBulk(stage);
        return stage.call("previewUndo", { params });
      },
    },
  },
  undoBulk: {
    async answers(stage) {
      const id = await stage.idle();
      const { bulk_id: bulkId } = await cancelled(stage, [id]);
      await stage.call("undoBulk", { params: { bulk_id: bulkId }, body: { reason: "too soon" } });
      const bulk = await ended(stage, bulkId);
      assert.deepEqual([bulk.state, bulk.undone], ["undone", 1]);
      assert.equal((await stage.engine.show(id)).status, "pending");
    },
    problems: {
      NOT_FOUND: (stage) => stage.call("undoBulk", noBulk),
      CONFLICT: async (stage) => {
        const params = await undoneBulk(stage);
        return stage.call("undoBulk", { params });
      },
    },
  },
};

export const HEALTH_CASES: CasesOf<typeof HEALTH_ROUTES> = {
  getLiveness: {
    async answers(stage) {
      assert.deepEqual(await stage.call("getLiveness"), { status: "ok", enabled: true });
    },
    problems: {},
  },
  getReadiness: {
    async answers(stage) {
      assert.deepEqual(await stage.call("getReadiness"), { status: "ready" });
    },
    problems: {},
  },
  getHealth: {
    async answers(stage) {
      await stage.idle();
      const found = await until(
        async () => {
          const health = await stage.call("getHealth");
          const codes = health.warnings.map((each) => each.code);
          return codes.includes("queue-without-worker") ? health : undefined;
        },
        { what: "health knows of the queue without a worker" },
      );
      assert.equal(found.database_available, true);
      assert.ok(found.queue_depth > 0);
      const warning = found.warnings.find((each) => each.page === `/queues?name=${UNSERVED}`);
      assert.match(warning?.remedy ?? "", /worker/);
    },
    problems: {},
  },
  getOverview: {
    async answers(stage) {
      await stage.dead("seen in the overview");
      const event = randomUUID();
      const taskId = await stage.held(event);
      const overview = await until(
        async () => {
          const seen = await stage.call("getOverview");
          const isHeld = seen.held_tasks.some(
            (each) => each.task_id === taskId && each.awaited_event === event,
          );
          return seen.open_failures.tasks > 0 && isHeld ? seen : undefined;
        },
        { what: "the overview knows of a failure and of a task that waits" },
      );
      assert.deepEqual([overview.workers.total, overview.workers.away], [1, 0]);
      assert.ok(overview.metrics.total_failed > 0);
    },
    problems: {},
  },
  getPipelineStatus: {
    async answers(stage) {
      await stage.idle();
      await stage.dead();
      const { stages, total, worker_count: workers } = await stage.call("getPipelineStatus");
      assert.equal(workers, 1);
      assert.ok((stages["contract-fail"]?.failed ?? 0) > 0);
      assert.ok((stages["contract-add"]?.pending ?? 0) > 0);
      const pending = Object.values(stages).reduce((sum, each) => sum + each.pending, 0);
      assert.equal(total.pending, pending);
    },
    problems: {},
  },
};
