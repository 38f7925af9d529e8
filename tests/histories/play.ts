/** Plays one history: producers and workers at work while things break, peace, then a count. */
import { setTimeout as sleep } from "node:timers/promises";
import { inspect } from "node:util";

import { AbsurdClient, FIRE_AT } from "@contimg/absurd";
import { until } from "@contimg/testkit";
import type pg from "pg";

import { violations } from "./checker.ts";
import { wreak } from "./faults.ts";
import { readFinalState, unfinished } from "./final-state.ts";
import { createProducer } from "./producer.ts";
import { Chance } from "./random.ts";
import { type FinalState, type HistoryEvent, Recorder } from "./record.ts";
import { type Server, Stage } from "./stage.ts";
import { PLAIN, QUICK, STEP } from "./step-task.ts";

const WORKER_COUNT = 3;
const DRAIN_MS_MAX = 60_000;

const SCHEDULES = [
  { name: "pulse", ms: 0, spec: { everySeconds: 1 }, overlap: "allow" },
  { name: "slow pulse", ms: 1_500, spec: { everySeconds: 1 }, overlap: "bufferOne" },
  { name: "queue of pulses", ms: 700, spec: { everySeconds: 1 }, overlap: "bufferAll" },
] as const;

export interface History {
  readonly events: readonly HistoryEvent[];
  readonly final: FinalState;
  /** Of the checker, and of programs and workers that ended by themselves. */
  readonly violations: readonly string[];
}

export interface PlayOptions {
  /** How long things break. */
  readonly ms: number;
  /** How long all may take to end afterwards. */
  readonly drainMs?: number;
  /** What to do to the database beforehand. */
  readonly prepare?: (db: pg.Pool) => Promise<void>;
}

export async function play(server: Server, seed: number, options: PlayOptions): Promise<History> {
  const chance = new Chance(seed);
  const stage = await Stage.set(server, `history_${seed}`);
  try {
    await options.prepare?.(stage.admin);
    const director = new Recorder(stage.newRecordPath());
    const client = new AbsurdClient(stage.admin, { tasks: [STEP] });
    await client.registerTasks();
    for (const { name, ms: length, ...policy } of SCHEDULES) {
      const params = { ...PLAIN, token: name, ms: length, fireAt: FIRE_AT };
      await client.schedules.create({
        name,
        spawn: { task: STEP.name, params, ...QUICK },
        ...policy,
      });
    }
    for (let index = 0; index < WORKER_COUNT; index++) stage.addWorker(index % 2 === 1);
    await stage.untilWorkersStarted();

    const untilMs = performance.now() + options.ms;
    const producers = [stage.url, stage.proxiedUrl].map((url, index) =>
      createProducer({
        url,
        spoolFolder: stage.spool.folder,
        name: `p${index}`,
        chance: chance.fork(),
        recorder: new Recorder(stage.newRecordPath()),
      }),
    );
    const troubles = await troublesOf([
      wreak(stage, chance.fork(), untilMs, (name) => {
        director.write({ kind: "fault", name });
      }),
      ...producers.map((producer) => producer.run(untilMs)),
    ]);

    try {
      for (const { name } of SCHEDULES) await client.schedules.pause(name, "the history is over");
    } catch (cause) {
      throw new Error(`the history cannot be ended: ${troubles.join("\n")}`, { cause });
    }
    troubles.push(...(await drain(stage, options.drainMs ?? DRAIN_MS_MAX)));
    const final = await readFinalState(stage.admin, { spool: await stage.spool.count() });
    const events = stage.events();
    return { events, final, violations: [...troubles, ...violations(events, final)] };
  } finally {
    await stage.clear();
  }
}

/** Waits for all; what any of them threw. */
async function troublesOf(work: readonly Promise<void>[]): Promise<string[]> {
  const settled = await Promise.allSettled(work);
  return settled.flatMap((each) =>
    each.status === "rejected" ? [`a program failed: ${inspect(each.reason)}`] : [],
  );
}

/** Waits until all is done. What is not by then is the checker's to name. */
async function drain(stage: Stage, drainMs: number): Promise<string[]> {
  while (stage.living.length < 2) stage.addWorker(false);
  await until(
    async () =>
      (await stage.spool.count()) === 0 &&
      Object.values(await unfinished(stage.admin)).every((count) => count === 0),
    { what: "all tasks ended", deadlineMs: drainMs },
  ).catch(() => undefined);
  const troubles = await stage.dismiss();
  await sleep(50);
  return troubles;
}
