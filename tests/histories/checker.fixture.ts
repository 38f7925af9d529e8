/** An honest history to be made to lie, one lie a test. */
import assert from "node:assert/strict";

import { test } from "vitest";

import { violations } from "./checker.ts";
import type {
  Effect,
  FinalState,
  FinalTask,
  Fire,
  HistoryEvent,
  LeaseSpan,
  Requirement,
  Wish,
  WishedEdge,
} from "./record.ts";

export interface Told {
  events: HistoryEvent[];
  final: { -readonly [Key in keyof FinalState]: FinalState[Key] };
}

export const COUNTS = { total: 3, completed: 3, failed: 0, cancelled: 0 };

export const DEMAND: NonNullable<Wish["demand"]> = {
  concurrency: [{ key: "dish", limit: 1 }],
  locks: [{ name: "set", mode: "exclusive" }],
  rate: [{ key: "archive", count: 1, periodSeconds: 0.1 }],
  resources: { cpu: 3 },
};

/**
 * Two parents, which exclude each other, and their join; "left" ran twice, and its first attempt
 * went on for longer than its lease and tried to write too late.
 */
export function honest(): Told {
  const wishes: Readonly<Record<string, Wish>> = {
    left: { demand: DEMAND, flux: 0.7 },
    right: { demand: DEMAND, flux: 0.2 },
    join: { requirements: [requirement("left", "success"), requirement("right", "always")] },
  };
  return {
    events: [
      ...Object.entries(wishes).flatMap(([name, wish]): HistoryEvent[] => [
        { kind: "asked", token: name, wish },
        { kind: "acknowledged", token: name, taskId: name, created: true },
      ]),
      ...ran("left", 1, 5, 190),
      ...ran("left", 2, 110, 150),
      ...ran("right", 1, 210, 250),
      ...ran("join", 1, 300, 350),
      { kind: "refused", nonce: "late", taskId: "left", claim: 1 },
      { kind: "effect", nonce: "left/2/done" },
    ],
    final: {
      tasks: [task("left", 2), task("right", 1), task("join", 1, ["left", "right"])],
      effects: [
        effect(1, "left", 1, "begin"),
        effect(2, "left", 2, "begin"),
        effect(3, "right", 1, "begin"),
        effect(4, "left", 2, "done"),
        effect(5, "right", 1, "done"),
        effect(6, "join", 1, "begin"),
        effect(7, "join", 1, "done"),
      ],
      leases: [
        { taskId: "left", claim: 1, claimedAt: 0, endedAt: 100 },
        { taskId: "left", claim: 2, claimedAt: 105, endedAt: 155 },
        { taskId: "right", claim: 1, claimedAt: 205, endedAt: 255 },
        { taskId: "join", claim: 1, claimedAt: 290, endedAt: 360 },
      ],
      fires: [fire("12:00:00", "spawned", 1), fire("12:00:01", "skipped", 0)],
      terms: 1,
      remains: { lease: 0, signal: 0 },
      counted: COUNTS,
      stated: COUNTS,
    },
  };
}

export function requirement(on: string, when: WishedEdge["when"]): Requirement {
  return { anyOf: [{ on, when }], otherwise: "cancel" };
}

export function ran(taskId: string, claim: number, from: number, until: number): HistoryEvent[] {
  return [
    { kind: "started", taskId, claim, worker: "w", at: from },
    { kind: "ended", taskId, claim, at: until },
  ];
}

export function fire(time: string, state: string, taskCount: number): Fire {
  const fireAt = `2026-03-01T${time}Z`;
  return { schedule: "pulse", everySeconds: 1, isSerial: false, fireAt, state, taskCount };
}

/** "right" began while "left" was at it; both ask for `demand` alone. */
export function meet(told: Told, demand: Wish["demand"]): void {
  told.events = told.events.map((event) =>
    event.kind === "asked" && event.token !== "join"
      ? { ...event, wish: { ...event.wish, demand: demand! } }
      : event.kind === "started" && event.taskId === "right"
        ? { ...event, at: 120 }
        : event,
  );
  lease(told, "right", { claimedAt: 115 });
}

export function lease(told: Told, taskId: string, fields: Partial<LeaseSpan>): void {
  told.final.leases = told.final.leases.map((each) =>
    each.taskId === taskId ? { ...each, ...fields } : each,
  );
}

/** Other requirements of "join". */
export function require(told: Told, ...requirements: Requirement[]): void {
  told.events = told.events.map((event) =>
    event.kind === "asked" && event.token === "join" ? { ...event, wish: { requirements } } : event,
  );
}

export function task(taskId: string, claim: number, parents: readonly string[] = []): FinalTask {
  return {
    ...{ taskId, token: taskId, key: null, isAtomic: true, isScheduled: false },
    ...{ attemptsMax: 3, credits: 0, places: [], parents },
    outcomes: [{ kind: "c", claim, tag: null, lastClass: null }],
  };
}

export function effect(seq: number, taskId: string, claim: number, what: Effect["what"]): Effect {
  return { seq, taskId, claim, what, nonce: `${taskId}/${claim}/${what}` };
}

export function change(told: Told, taskId: string, fields: Partial<FinalTask>): void {
  told.final.tasks = told.final.tasks.map((each) =>
    each.taskId === taskId ? { ...each, ...fields } : each,
  );
}

export function outcome(kind: string, fields: object = {}): Partial<FinalTask> {
  return { outcomes: [{ kind, claim: 1, tag: null, lastClass: null, ...fields }] };
}

export function add(told: Told, ...more: Effect[]): void {
  told.final.effects = [...told.final.effects, ...more];
}

/** Tests that each lie is found, in these words. */
export function testLies(
  lies: readonly (readonly [what: string, tell: (told: Told) => void, found: RegExp])[],
): void {
  for (const [what, tell, found] of lies) {
    test(what, () => {
      const told = honest();
      tell(told);
      const all = violations(told.events, told.final);
      assert.ok(
        all.some((each) => found.test(each)),
        `found only ${JSON.stringify(all)}`,
      );
    });
  }
}
