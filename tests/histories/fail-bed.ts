/** Where every statement of a scenario goes wrong once, chosen by its verb. */
import assert from "node:assert/strict";

import { AbsurdClient, isTransient } from "@contimg/absurd";
import { until } from "@contimg/testkit";

import { violations } from "./checker.ts";
import { readFinalState, unfinished } from "./final-state.ts";
import type { HistoryEvent, Scribe } from "./record.ts";
import { type Server, Stage } from "./stage.ts";
import { type Target, type When, StatementProxy } from "./statement-proxy.ts";
import { STEP } from "./step-task.ts";

const WAYS: readonly When[] = ["before it is sent", "after its commit"];
/** A scenario with more is too big to have each of its statements go wrong. */
const RUNS_MAX = 150;
/** So often a scenario is played for a statement that does not come each time. */
const TRIES = 5;

export interface Scenario {
  /** What must be among the verbs, or the scenario does not reach it any more. */
  readonly verbs: readonly string[];
  /** Verbs said as often as time allows, with how many of their statements are tried. */
  readonly timed: Readonly<Record<string, number>>;
  /** The verbs that go wrong. Default: all that are said. */
  readonly only?: readonly string[];
  /** @param verb the one that is to go wrong; undefined: none */
  play(name: string, verb: string | undefined): Promise<void>;
}

/** For what is said now and then to be said: a beat, a round of maintenance. */
const SAID_MS_MAX = 10_000;

/** Statements to go wrong in one run: the last for its own sake, the others to make it come. */
type Plan = readonly Target[];

/** A database of its own for each way of failing, so that both are tried at the same time. */
export class Bed implements Scribe {
  readonly when: When;
  readonly stage: Stage;
  readonly proxy: StatementProxy;
  readonly events: HistoryEvent[] = [];

  private constructor(when: When, stage: Stage, proxy: StatementProxy) {
    this.when = when;
    this.stage = stage;
    this.proxy = proxy;
  }

  static async make(server: Server, when: When): Promise<Bed> {
    const stage = await Stage.set(server, `fails_${when.split(" ")[0]}`);
    await new AbsurdClient(stage.admin, { tasks: [STEP] }).registerTasks();
    return new Bed(when, stage, await StatementProxy.start(stage.url));
  }

  write(event: HistoryEvent): void {
    this.events.push(event);
  }

  get proxiedUrl(): string {
    return this.proxy.url(this.stage.url);
  }

  /**
   * Plays the scenario once unbroken, then once for each statement of each verb that comes, those
   * that only come after a failure included. Returns the verbs that went wrong.
   */
  async exhaust(scenario: Scenario): Promise<Set<string>> {
    const plans: Plan[] = [[]];
    const planned = new Map<string, number>();
    const failed = new Set<string>();
    const missed: string[] = [];
    let runs = 0;
    for (const plan of plans) {
      const target = plan.at(-1);
      let hasCome = false;
      const triesMax = target && !isDue(target, scenario) ? 1 : TRIES;
      for (let tries = 0; tries < triesMax && !hasCome; tries++) {
        assert.ok(++runs <= RUNS_MAX, `more than ${RUNS_MAX} runs`);
        this.proxy.arm(plan, this.when);
        await scenario.play(`s${runs}`, target?.verb);
        hasCome = target === undefined || this.proxy.hit.includes(target);
      }
      if (!target) this.#plan(plans, planned, [], scenario);
      else if (hasCome) {
        failed.add(target.verb);
        this.#plan(plans, planned, plan, scenario);
      } else if (isDue(target, scenario)) missed.push(`${target.verb} ${target.occurrence}`);
    }
    assert.deepEqual(missed, [], `never came again in ${TRIES} runs: ${missed.join(", ")}`);
    return failed;
  }

  /** Within a run: waits until what comes with time has come, as far as it is to go wrong. */
  async untilSaid(scenario: Scenario): Promise<void> {
    const { hit, targets, counts } = this.proxy;
    const timed = Object.entries(scenario.timed).flatMap(([verb, max]) => (max > 0 ? [verb] : []));
    const awaited = targets.filter((it) => it.occurrence === 1 && timed.includes(it.verb));
    const isSaid = (): boolean =>
      targets.length > 0
        ? awaited.every((target) => hit.includes(target))
        : timed.every((verb) => counts.has(verb));
    await until(isSaid, { what: "all is said", deadlineMs: SAID_MS_MAX }).catch(() => undefined);
  }

  /** Adds a plan for each statement of the last run that has none; unbroken runs plan them all. */
  #plan(plans: Plan[], planned: Map<string, number>, plan: Plan, scenario: Scenario): void {
    for (const [verb, count] of this.proxy.counts) {
      if (scenario.only && !scenario.only.includes(verb)) continue;
      const from = planned.get(verb) ?? 0;
      if (plan.length > 0 && from > 0) continue;
      const upTo = Math.min(plan.length > 0 ? 1 : count, scenario.timed[verb] ?? Infinity);
      for (let occurrence = from + 1; occurrence <= upTo; occurrence++) {
        plans.push([...plan, { verb, occurrence }]);
      }
      planned.set(verb, upTo);
    }
  }

  /** What has not ended by then is the checker's to name. */
  async untilEnded(isClear: (left: Readonly<Record<string, number>>) => boolean): Promise<void> {
    await until(async () => isClear(await unfinished(this.stage.admin)), {
      ...{ what: "all tasks ended", deadlineMs: 30_000 },
    }).catch(() => undefined);
  }

  /** All that the checker asks; and each of the verbs must be among what failed. */
  async assertAsPromised(failed: ReadonlySet<string>, scenario: Scenario): Promise<void> {
    assert.deepEqual(violations(this.events, await readFinalState(this.stage.admin)), []);
    const missing = scenario.verbs.filter((verb) => !failed.has(verb));
    const all = [...failed].sort().join(", ");
    assert.deepEqual(missing, [], `no ${missing.join(", ")} went wrong ${this.when}, only ${all}`);
  }

  async clear(): Promise<void> {
    await this.proxy.close();
    await this.stage.clear();
  }
}

/** False for what may come in a run or not: more of what comes with time, what chance brought. */
function isDue({ verb, occurrence }: Target, scenario: Scenario): boolean {
  return scenario.verbs.includes(verb) && (occurrence === 1 || !(verb in scenario.timed));
}

/** Both ways at the same time, each in its own bed. */
export async function inBothWays(server: Server, work: (bed: Bed) => Promise<void>): Promise<void> {
  const done = await Promise.allSettled(
    WAYS.map(async (when) => {
      const bed = await Bed.make(server, when);
      try {
        await work(bed);
      } finally {
        await bed.clear();
      }
    }),
  );
  for (const each of done) if (each.status === "rejected") throw each.reason;
}

export function isAllClear(left: Readonly<Record<string, number>>): boolean {
  return Object.values(left).every((count) => count === 0);
}

/** Once; that the database was away is no finding. Says whether it was answered. */
export async function attempt(verb: () => Promise<unknown>): Promise<boolean> {
  try {
    await verb();
    return true;
  } catch (error) {
    if (!isTransient(error)) throw error;
    return false;
  }
}

/** Again and again, as programs do with what may be said twice. */
export async function insist(verb: () => Promise<unknown>): Promise<void> {
  while (!(await attempt(verb)));
}
