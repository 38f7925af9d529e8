/** The symptom of each everyday job on a live system, and what must be true once it is done. */
import assert from "node:assert/strict";

import { workflow } from "@contimg/absurd";
import { until } from "@contimg/testkit";

import type { OperatorBed, TaskRow } from "./bed.ts";
import { convert, imaging, photometry, solve } from "./tasks.ts";

export interface Scene {
  /** What the words in capitals of the page stand for. */
  readonly values: Readonly<Record<string, string>>;
  /** What happens where the page says so: between two blocks of commands. */
  readonly meanwhile?: () => Promise<void>;
  /** @throws {AssertionError} when the job is not done, or did more than it should */
  readonly check: () => Promise<void>;
}

type SetScene = (bed: OperatorBed) => Promise<Scene>;

const GROUPS = ["2026-01-25T08:08:54", "2026-01-25T08:14:03", "2026-01-25T08:19:12"];
const NIGHT = { queue: "night" };
const DAY_MS = 86_400_000;

const isNamed = (name: string) => (task: TaskRow) => task.name === name;
const fates = (tasks: readonly TaskRow[], name: string): string[] =>
  tasks.filter(isNamed(name)).map((task) => `${task.status} ${task.attempt}`);

export const SCENES: Readonly<Record<string, SetScene>> = {
  "Rerun what failed last night": async (bed) => {
    await bed.worker();
    const ids: string[] = [];
    for (const group of GROUPS) {
      await bed.client.spawn(convert, { group_id: group }, NIGHT);
      ids.push((await bed.client.spawn(imaging, { group_id: group }, NIGHT)).taskId);
    }
    await bed.client.spawn(imaging, { group_id: GROUPS[0]!, cell_arcsec: -1 }, NIGHT);
    await bed.untilAll("failed", isNamed("imaging"));
    return {
      values: { TASK: ids[0]! },
      meanwhile: () => bed.mend("calibration"),
      check: async () => {
        await bed.untilAll("completed", (task) => ids.includes(task.id));
        const tasks = await bed.tasks();
        const again = "completed 2";
        assert.deepEqual(fates(tasks, "imaging"), [again, again, again, "failed 1"]);
        assert.deepEqual(fates(tasks, "convert"), Array(3).fill("completed 1"));
      },
    };
  },

  "Cancel what a bad calibrator made": async (bed) => {
    await bed.worker();
    const bad = { calibrator: "3C286" };
    await bed.client.spawn(imaging, { group_id: GROUPS[0]!, disk: "/data2", ...bad }, NIGHT);
    await bed.untilAll("completed", isNamed("imaging"));
    await bed.client.spawn(solve, { word: "bad", ...bad }, NIGHT);
    await bed.client.spawn(solve, { word: "good", calibrator: "3C48" }, NIGHT);
    await bed.untilAll("claimed", isNamed("solve"));
    for (const group of GROUPS) await bed.client.spawn(imaging, { group_id: group, ...bad }, NIGHT);
    return {
      values: {},
      check: async () => {
        await bed.untilAll("cancelled", (task) => task.params["word"] === "bad");
        const tasks = await bed.tasks();
        assert.deepEqual(fates(tasks, "solve"), ["cancelled 1", "claimed 1"]);
        const never = "cancelled 0";
        assert.deepEqual(fates(tasks, "imaging"), ["completed 1", never, never, never]);
      },
    };
  },

  "Free a task from a stuck worker": async (bed) => {
    const stuck = await bed.worker({ concurrency: 1 });
    const { taskId } = await bed.client.spawn(solve, { word: "hangs", deaf: true }, NIGHT);
    await bed.untilAll("claimed", isNamed("solve"));
    await bed.pool.query("update absurd.lease set claimed_at = claimed_at - interval '2 h 5 min'");
    await bed.worker();
    return {
      values: { TASK: taskId, WORKER: `${stuck.view.workerId}` },
      check: async () => {
        await bed.untilAll("completed", isNamed("solve"));
        const { attempts } = await bed.client.show(taskId);
        assert.deepEqual(
          attempts.map(({ ending, workerName }) => [ending, workerName === stuck.view.name]),
          [
            ["released", true],
            ["completed", false],
          ],
        );
        await until(() => stuck.process.exitCode !== null, {
          what: "the stuck worker's process has ended",
        });
      },
    };
  },

  "Relieve a queue": async (bed) => {
    await bed.client.queues.configure("night", { runningMax: 1 });
    await bed.worker();
    await bed.client.spawn(solve, { word: "fills the queue" }, NIGHT);
    await bed.untilAll("claimed", isNamed("solve"));
    const ids = [];
    for (const group of [...GROUPS, ...GROUPS.slice(1)]) {
      const params = { group_id: group, disk: "/data2" };
      ids.push((await bed.client.spawn(imaging, params, NIGHT)).taskId);
    }
    return {
      values: { TASK: ids[0]! },
      check: async () => {
        await bed.untilAll("completed", isNamed("imaging"));
        assert.deepEqual(fates(await bed.tasks(), "solve"), ["claimed 1"]);
      },
    };
  },

  "Pause for maintenance": async (bed) => {
    await bed.worker();
    await bed.client.spawn(solve, { word: "runs" }, NIGHT);
    await bed.untilAll("claimed", isNamed("solve"));
    return {
      values: {},
      meanwhile: async () => {
        for (const group of GROUPS.slice(1)) {
          await bed.client.spawn(imaging, { group_id: group, disk: "/data2" }, NIGHT);
        }
        await bed.mend("go");
        await bed.untilAll("completed", isNamed("solve"));
        assert.deepEqual(fates(await bed.tasks(), "imaging"), ["pending 0", "pending 0"]);
      },
      check: async () => {
        await bed.untilAll("completed", () => true);
        assert.ok((await bed.tasks()).every((task) => task.attempt === 1));
      },
    };
  },

  "Take a worker out": async (bed) => {
    const leaving = await bed.worker();
    const { taskId } = await bed.client.spawn(solve, { word: "runs" }, NIGHT);
    await bed.untilAll("claimed", isNamed("solve"));
    return {
      values: { TASK: taskId, WORKER: `${leaving.view.workerId}`, NAME: leaving.view.name },
      meanwhile: async () => {
        await bed.worker();
        await bed.client.spawn(imaging, { group_id: GROUPS[0]!, disk: "/data2" }, NIGHT);
        await bed.mend("go");
        await bed.untilAll("completed", () => true);
      },
      check: async () => {
        await until(() => leaving.process.exitCode !== null, {
          what: "the worker's process has ended",
        });
        assert.equal(leaving.process.exitCode, 0);
        const { rows } = await bed.pool.query<{ own: boolean }>(
          "select worker_id = $1 as own from absurd.outcome order by task_id",
          [leaving.view.workerId],
        );
        assert.deepEqual(
          rows.map((row) => row.own),
          [true, false],
        );
        assert.ok((await bed.tasks()).every((task) => task.attempt === 1));
      },
    };
  },

  "Replay dead letters": async (bed) => {
    await bed.worker();
    const ids = [];
    for (const group of GROUPS) {
      const params = { group_id: group, disk: "/data1" };
      ids.push((await bed.client.spawn(imaging, params, NIGHT)).taskId);
    }
    await bed.client.spawn(imaging, { group_id: GROUPS[0]! }, NIGHT);
    await bed.untilAll("failed", isNamed("imaging"));
    return {
      values: { TASK: ids[0]! },
      check: async () => {
        await bed.untilAll("completed", (task) => task.params["disk"] !== undefined);
        const tasks = await bed.tasks();
        const again = "completed 2";
        assert.deepEqual(fates(tasks, "imaging"), [again, again, again, "failed 1"]);
        assert.deepEqual(tasks[0]!.params, { group_id: GROUPS[0]!, disk: "/data2" });
      },
    };
  },

  "Rerun a part of a workflow": async (bed) => {
    await bed.worker();
    const group = { group_id: GROUPS[0]! };
    const { workflowId } = await bed.client.workflows.spawn(
      workflow("night-17")
        .task("convert", convert, group, NIGHT)
        .task("image", imaging, group, { ...NIGHT, dependsOn: ["convert"] })
        .task("photometry", photometry, group, { ...NIGHT, dependsOn: ["image"] }),
    );
    await bed.untilAll("cancelled", isNamed("photometry"));
    return {
      values: { WORKFLOW: workflowId },
      meanwhile: () => bed.mend("calibration"),
      check: async () => {
        await bed.untilAll("completed", () => true);
        const tasks = await bed.tasks();
        assert.deepEqual(fates(tasks, "convert"), ["completed 1"]);
        assert.deepEqual(fates(tasks, "imaging"), ["completed 2"]);
      },
    };
  },

  "Backfill a schedule": async (bed) => {
    await bed.worker();
    const midnight = Date.now() - (Date.now() % DAY_MS);
    const [from, until_] = [midnight - 4 * DAY_MS, midnight - DAY_MS];
    await bed.client.schedules.create({
      name: "nightly",
      spec: { cron: "0 9 * * *" },
      spawn: { task: convert, params: { group_id: "the night" }, queue: "night" },
    });
    // As if nobody had been there since.
    await bed.pool.query(
      "update absurd.schedule set considered_at = $1, due_at = $1, revision = revision + 1",
      [new Date(from)],
    );
    await until(async () => (await bed.client.schedules.fires("nightly", 10)).length > 0, {
      what: "the leader found that it missed instants",
      deadlineMs: 60_000,
    });
    const text = (ms: number): string => new Date(ms).toISOString().slice(0, 19) + "Z";
    return {
      values: { FROM: text(from), UNTIL: text(until_) },
      check: async () => {
        await until(
          async () => (await bed.tasks()).filter((task) => task.status === "completed").length >= 3,
          { what: "three nights have run", deadlineMs: 60_000 },
        );
        const fires = await bed.client.schedules.fires("nightly", 20);
        const filled = fires.filter((fire) => fire.origin === "backfill");
        assert.deepEqual(
          filled.map((fire) => fire.fireAt.getTime() - from).sort((a, b) => a - b),
          [0, 1, 2].map((day) => day * DAY_MS + 9 * 3_600_000),
        );
      },
    };
  },

  "Explain a task": async (bed) => {
    await bed.worker();
    const params = { group_id: GROUPS[0]!, disk: "/data2" };
    const { taskId } = await bed.client.spawn(imaging, params, { queue: "nihgt" });
    return {
      values: { TASK: taskId },
      check: async () => {
        await bed.untilAll("completed", () => true);
      },
    };
  },
};
