/** What an operator says to the engine, verb by verb, on a connection that may go wrong. */
import assert from "node:assert/strict";

import { AbsurdClient, LimitNotFound, ScheduleNotFound } from "@contimg/absurd";
import { until } from "@contimg/testkit";
import type pg from "pg";

import { type Bed, insist } from "./fail-bed.ts";
import { STEP, type StepParams } from "./step-task.ts";
import { wish } from "./verbs.ts";

/** What is said together. */
const GROUPS = {
  queue: ["configure_queue", "pause_queue", "resume_queue"],
  limit: ["set_limit", "remove_limit"],
  schedule: [
    ...["create_schedule", "pause_schedule", "resume_schedule", "backfill_schedule"],
    "delete_schedule",
  ],
  workflow: ["spawn_workflow", "add_to_workflow", "cancel_workflow"],
  rerun: ["rerun_workflow"],
  template: ["define_template", "spawn_template"],
  deadLetters: ["replay_dead", "discard_dead"],
  many: ["move_task", "cancel_many"],
  workers: ["ask_worker", "resume_worker"],
  event: ["emit_event"],
} as const;

type Group = keyof typeof GROUPS;

export const OPERATOR_VERBS: readonly string[] = Object.values(GROUPS).flat();

const LATER = { delaySeconds: 3600 };
const HOUR_MS = 3_600_000;

/** Each may be said twice: an operator who got no answer says it again. */
export class OperatorVerbs {
  readonly #client: AbsurdClient;
  /** For looks that are no part of what goes wrong. */
  readonly #looker: AbsurdClient;
  readonly #bed: Bed;

  constructor(bed: Bed, pool: pg.Pool) {
    this.#bed = bed;
    this.#client = new AbsurdClient(pool, { tasks: [STEP] });
    this.#looker = new AbsurdClient(bed.stage.admin);
  }

  /** All, or what is said together with one verb. */
  async say(name: string, verb: string | undefined): Promise<void> {
    const groups = Object.keys(GROUPS) as Group[];
    const [own] = groups.filter((group) => GROUPS[group].some((each) => each === verb));
    for (const group of own ? [own] : groups) await this.#sayings[group](`${name}-${group}`);
    await Promise.all([this.#client.close(), this.#looker.close()]);
  }

  readonly #sayings: Readonly<Record<Group, (name: string) => Promise<void>>> = {
    queue: (name) => this.#queue(name),
    limit: (name) => this.#limit(name),
    schedule: (name) => this.#schedule(name),
    workflow: (name) => this.#workflow(name),
    rerun: (name) => this.#rerun(name),
    template: (name) => this.#template(name),
    deadLetters: (name) => this.#deadLetters(name),
    many: (name) => this.#many(name),
    workers: () => this.#workers(),
    event: (name) => this.#event(name),
  };

  #wish(token: string, fields: Partial<StepParams> = {}): StepParams {
    this.#bed.write({ kind: "asked", token });
    return wish(token, fields);
  }

  async #queue(queue: string): Promise<void> {
    const { queues } = this.#client;
    await insist(() => queues.configure(queue, { runningMax: 3 }));
    await insist(() => queues.pause(queue));
    await insist(() => queues.resume(queue));
    const view = (await this.#looker.queues.list()).find((each) => each.name === queue);
    assert.deepEqual([view?.runningMax, view?.paused], [3, false]);
  }

  async #limit(limit: string): Promise<void> {
    const { limits } = this.#client;
    await insist(() => limits.set(limit, 3));
    const names = async (): Promise<string[]> =>
      (await this.#looker.limits.list()).map((each) => each.name);
    assert.ok((await names()).includes(limit));
    await insist(() => limits.remove(limit).catch(unless(LimitNotFound)));
    assert.ok(!(await names()).includes(limit));
  }

  /** One whose past instant is fired once, and one that is gone again. */
  async #schedule(name: string): Promise<void> {
    const { schedules } = this.#client;
    const params = { ...wish(name), fireAt: { $fireAt: true } };
    const plan = { spec: { everySeconds: 3600 }, spawn: { task: STEP.name, params } };
    for (const each of [name, `${name}-gone`]) {
      await insist(() => schedules.create({ ...plan, name: each }, { replace: true }));
      await insist(() => schedules.pause(each, "as asked"));
      await insist(() => schedules.resume(each));
    }
    const to = new Date();
    await insist(() => schedules.backfill(name, { from: new Date(to.getTime() - HOUR_MS), to }));
    assert.ok((await this.#looker.schedules.fires(name)).length >= 1, "no instant was fired");
    await insist(() => schedules.pause(name));
    await insist(() => schedules.delete(`${name}-gone`).catch(unless(ScheduleNotFound)));
  }

  async #workflow(name: string): Promise<void> {
    const { workflows } = this.#client;
    const node = (token: string): { task: string; params: StepParams } => ({
      ...{ task: STEP.name, params: this.#wish(token) },
    });
    const tasks = { first: node(`${name}/first`), last: { ...node(`${name}/last`), ...LATER } };
    let workflowId = "";
    await insist(async () => {
      ({ workflowId } = await workflows.spawn({ name, tasks, idempotencyKey: name }));
    });
    const more = { more: { ...node(`${name}/more`), dependsOn: ["last"] } };
    await insist(() => workflows.add(workflowId, more));
    await insist(() => workflows.cancel(workflowId));
    const { nodes } = await this.#looker.workflows.show(workflowId);
    for (const { taskId } of nodes) {
      this.#bed.write({ kind: "cancel asked", taskId });
    }
  }

  async #rerun(name: string): Promise<void> {
    const { workflows } = this.#client;
    const params = this.#wish(name, { begins: false, failsUpTo: 1, errorClass: "fatal" });
    const { workflowId } = await this.#looker.workflows.spawn({
      ...{ name, tasks: { only: { task: STEP.name, params } } },
    });
    await this.#looker.workflows.awaitEnd(workflowId);
    await insist(() => workflows.rerun(workflowId, { failedOnly: true }));
    const { status } = await this.#looker.workflows.awaitEnd(workflowId);
    assert.equal(status, "completed");
  }

  async #template(name: string): Promise<void> {
    const { workflows } = this.#client;
    const params = { ...this.#wish(name), flux: { $param: "flux" } };
    await insist(() =>
      workflows.defineTemplate({
        ...{ name, params: [{ name: "flux", type: "number" }] },
        tasks: { only: { task: STEP.name, params } },
      }),
    );
    let workflowId = "";
    await insist(async () => {
      const spawned = await workflows.spawnTemplate(name, { flux: 2 }, { idempotencyKey: name });
      workflowId = spawned.workflowId;
    });
    const summary = await this.#looker.workflows.awaitEnd(workflowId);
    assert.equal(summary.status, "completed");
  }

  /** One that gets a new start, one that is put away. */
  async #deadLetters(name: string): Promise<void> {
    const { deadLetters } = this.#client;
    const fails = { begins: false, failsUpTo: 1, errorClass: "fatal" } as const;
    const spawned = await this.#looker.spawnMany(
      [`${name}-replayed`, `${name}-discarded`].map((token) => ({
        ...{ task: STEP.name, params: this.#wish(token, fails) },
      })),
    );
    const [replayed, discarded] = spawned.map((each) => each.taskId) as [string, string];
    await this.#looker.awaitTasks([replayed, discarded]);
    await insist(() => deadLetters.replay({ taskIds: [replayed] }));
    await until(async () => (await this.#looker.show(replayed)).status === "completed", {
      what: "the replayed task completes",
    });
    this.#bed.write({ kind: "cancel asked", taskId: discarded });
    await insist(() => deadLetters.discard({ taskIds: [discarded] }));
  }

  async #many(name: string): Promise<void> {
    const tasks = [`${name}-m0`, `${name}-m1`].map((token) => ({
      ...{ task: STEP.name, params: this.#wish(token), tags: [name], ...LATER },
    }));
    const taskIds = (await this.#looker.spawnMany(tasks)).map((each) => each.taskId);
    await insist(() => this.#client.queues.move(taskIds[0]!, { priority: 5 }));
    for (const taskId of taskIds) this.#bed.write({ kind: "cancel asked", taskId });
    await insist(() => this.#client.cancelMany({ tag: name }));
    for (const taskId of taskIds) {
      assert.equal((await this.#looker.show(taskId)).status, "cancelled");
    }
  }

  async #event(name: string): Promise<void> {
    await insist(() => this.#client.events.emit(name, { is: "here" }));
    assert.deepEqual((await this.#looker.events.get(name))?.payload, { is: "here" });
  }

  async #workers(): Promise<void> {
    const [worker] = await this.#looker.workers.list();
    await insist(() => this.#client.workers.drain(worker!.workerId));
    await insist(() => this.#client.workers.resume(worker!.workerId));
  }
}

/** What a second try is told because the first one was heard. */
function unless(Expected: new (...args: never[]) => Error): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof Expected)) throw error;
  };
}
