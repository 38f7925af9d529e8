/** Random workflows beside an interpreter of what conditions, policies and reruns mean. */
import assert from "node:assert/strict";

import fc from "fast-check";
import type pg from "pg";
import { test } from "vitest";

import { freshDatabase, sqlWorker } from "@contimg/testkit";

import { type Edge, Model, type Requirement, type Status } from "./testing/workflow-interpreter.ts";

const { claim, cycle, emptyEngine } = sqlWorker;
const database = freshDatabase();

const rawEdge = fc.record({
  on: fc.nat({ max: 100 }),
  when: fc.constantFrom("success", "success", "failure", "always", "matches" as const),
});
const rawNeed = fc.record({
  edges: fc.array(rawEdge, { minLength: 1, maxLength: 3 }),
  isChoice: fc.boolean(),
  otherwise: fc.constantFrom("cancel", "cancel", "skip", "continue" as const),
});
const step = fc.record({
  verb: fc.constantFrom("claim", "claim", "finish", "finish", "finish", "cancel", "rerun"),
  pick: fc.nat({ max: 1000 }),
  /** Per claimed node: below 7 completes with this value, else fails. */
  ends: fc.array(fc.nat({ max: 9 }), { minLength: 8, maxLength: 8 }),
});
type RawNeed = typeof rawNeed extends fc.Arbitrary<infer T> ? T : never;
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Edges lead to earlier nodes, and each parent is named once. */
function needsOf(raw: readonly (readonly RawNeed[])[]): Requirement[][] {
  return raw.map((needs, node) => {
    const free = new Set(Array.from({ length: node }, (_, i) => i));
    return needs.flatMap(({ edges, isChoice, otherwise }) => {
      const own = edges.flatMap(({ on, when }): Edge[] => {
        const parent = [...free][on % Math.max(1, free.size)];
        if (parent === undefined) return [];
        free.delete(parent);
        return [{ on: parent, when: when }];
      });
      if (own.length === 0) return [];
      const policy = otherwise;
      return isChoice
        ? [{ edges: own, otherwise: policy }]
        : own.map((edge) => ({ edges: [edge], otherwise: policy }));
    });
  });
}

function wire(needs: readonly (readonly Requirement[])[]): object[] {
  return needs.map((requirements, node) => ({
    node: `n${node}`,
    task_name: "noop",
    max_retries: 0,
    depends_on: requirements.map(({ edges, otherwise }) => {
      const wired = edges.map(({ on, when }) => ({
        on: `n${on}`,
        when: when === "matches" ? { matches: "$.v < 5" } : when,
      }));
      return edges.length > 1 ? { any_of: wired, otherwise } : { ...wired[0], otherwise };
    }),
  }));
}

interface Held {
  readonly row: sqlWorker.ClaimRow;
  readonly node: number;
}

class Run {
  readonly #db: pg.Client;
  readonly #worker: sqlWorker.SqlWorker;
  readonly #workflowId: string;
  readonly #model: Model;
  #held: Held[] = [];

  constructor(db: pg.Client, worker: sqlWorker.SqlWorker, workflowId: string, model: Model) {
    this.#db = db;
    this.#worker = worker;
    this.#workflowId = workflowId;
    this.#model = model;
  }

  async step({ verb, pick, ends }: Step): Promise<void> {
    if (verb === "claim") await this.#claim(1 + (pick % 4));
    else if (verb === "finish") await this.#finish(this.#held.slice(0, 1 + (pick % 8)), ends);
    else if (verb === "cancel") await this.#cancel(pick % this.#model.status.length);
    else await this.#rerun(pick % 3 ? pick % this.#model.status.length : undefined, pick % 2 === 0);
    await this.check();
  }

  async check(): Promise<void> {
    const { rows } = await this.#db.query<{ status: Status }>(
      `select case when s.tag = 'Skipped' then 'skipped'
                   when p.place = 'lease' then 'claimed' else p.place end as status
         from absurd.workflow_nodes($1) s
         cross join lateral absurd.locate_task(absurd.task_number(s.task_id)) p
        order by substr(s.node, 2)::integer`,
      [this.#workflowId],
    );
    assert.deepEqual(
      rows.map((row) => row.status),
      this.#model.status,
    );
  }

  /** Whatever is left ends: no join is stuck, none fires twice. */
  async drain(): Promise<void> {
    for (let i = 0; i <= this.#model.status.length; i++) {
      await this.#claim(100);
      await this.#finish(this.#held, [1]);
      await this.check();
    }
    assert.ok(this.#model.status.every((_, node) => this.#model.isEnded(node)));
  }

  async #claim(limit: number): Promise<void> {
    for (const row of await claim(this.#db, this.#worker, limit)) {
      const node = await this.#nodeOf(row);
      assert.equal(this.#model.status[node], "ready");
      this.#model.status[node] = "claimed";
      this.#held.push({ row, node });
    }
  }

  async #finish(held: readonly Held[], ends: readonly number[]): Promise<void> {
    const value = (i: number): number => ends[i % ends.length]!;
    const good = held.filter((_, i) => value(i) < 7);
    const bad = held.filter((_, i) => value(i) >= 7);
    const values = held.map((_, i) => value(i)).filter((each) => each < 7);
    await cycle(this.#db, this.#worker, {
      done: good.map((each) => each.row),
      results: values.map((v) => JSON.stringify({ v })),
      failed: bad.map((each) => [each.row, "fatal"] as const),
    });
    const nodes = (list: typeof held): number[] => list.map((each) => each.node);
    this.#model.end(nodes(good), "completed", values);
    this.#model.end(nodes(bad), "failed");
    this.#held = this.#held.filter((each) => !held.includes(each));
  }

  async #cancel(node: number): Promise<void> {
    if (!/waiting|ready/.test(this.#model.status[node]!)) return;
    await this.#db.query(
      `select absurd.cancel_task(absurd.task_uuid(n.task_id)) from absurd.workflow_node n
        where n.workflow_id = $1 and n.name = $2`,
      [this.#workflowId, `n${node}`],
    );
    this.#model.end([node], "cancelled");
  }

  async #rerun(from: number | undefined, descendants: boolean): Promise<void> {
    const part = this.#model.part(from, descendants);
    const call = this.#db.query("select absurd.rerun_workflow($1, $2, $3)", [
      this.#workflowId,
      from === undefined ? null : [`n${from}`],
      descendants,
    ]);
    if (part.some((node) => /ready|claimed/.test(this.#model.status[node]!))) {
      await assert.rejects(call, { code: "WF016" });
      return;
    }
    await call;
    this.#model.rerun(part);
  }

  async #nodeOf(row: sqlWorker.ClaimRow): Promise<number> {
    const { rows } = await this.#db.query<{ name: string }>(
      "select name from absurd.workflow_node where task_id = $1",
      [row.task_id],
    );
    return Number(rows[0]!.name.slice(1));
  }
}

test("random workflows, ends and reruns go as the interpreter says", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(rawNeed, { maxLength: 2 }), { minLength: 2, maxLength: 9 }),
      fc.array(step, { minLength: 5, maxLength: 30 }),
      async (raw, steps) => {
        const needs = needsOf(raw);
        const { db, worker } = await emptyEngine(database, {});
        const { rows } = await db.query<{ workflow_id: string }>(
          "select workflow_id from absurd.spawn_workflow('random', $1)",
          [JSON.stringify(wire(needs))],
        );
        const engine = new Run(db, worker, rows[0]!.workflow_id, new Model(needs));
        for (const each of steps) await engine.step(each);
        await engine.drain();
        await db.end();
      },
    ),
    { numRuns: 50, interruptAfterTimeLimit: 40_000 },
  );
});
