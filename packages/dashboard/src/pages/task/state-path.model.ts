/** The way of a task through its states, as far as its record tells. Pure. */
import type { Task } from "@contimg/contract";

import type { Attempt } from "./attempt.ts";

export const PLACES = [
  "spawned",
  "waiting",
  "deferred",
  "parked",
  "ready",
  "lease",
  "completed",
  "failed",
  "cancelled",
] as const;
export type Place = (typeof PLACES)[number];

export const PLACE_LABEL: Readonly<Record<Place, string>> = {
  spawned: "Spawned",
  waiting: "Waiting",
  deferred: "Deferred",
  parked: "Parked",
  ready: "Ready",
  lease: "Running",
  completed: "Completed",
  failed: "Failed",
  cancelled: "Cancelled",
};

/** "from>to" */
export type Move = `${Place}>${Place}`;

/** All moves that there are; the drawing has a line for each. */
export const MOVES: readonly Move[] = [
  "spawned>waiting",
  "spawned>deferred",
  "spawned>ready",
  "waiting>ready",
  "deferred>ready",
  "parked>ready",
  "ready>lease",
  "lease>deferred",
  "lease>completed",
  "lease>failed",
  "lease>cancelled",
];

export interface StatePath {
  readonly now: Place;
  /** How often a place was entered; 0 where it never was. */
  readonly visits: Readonly<Record<Place, number>>;
  readonly moves: ReadonlySet<Move>;
}

type PathTask = Pick<Task, "place" | "depends_on" | "created_at" | "available_at" | "attempt">;

export function statePath(task: PathTask, attempts: readonly Attempt[]): StatePath {
  const visits = Object.fromEntries(PLACES.map((place) => [place, 0])) as Record<Place, number>;
  const moves = new Set<Move>();
  const visit = (from: Place | undefined, to: Place, times = 1) => {
    visits[to] += times;
    const move: Move | undefined = from && `${from}>${to}`;
    if (move && MOVES.includes(move)) moves.add(move);
  };
  visit(undefined, "spawned");
  const runs = Math.max(task.attempt, attempts.length);
  const wasDelayed = runs === 0 && task.available_at > task.created_at;
  let from: Place = "spawned";
  if (task.depends_on.length > 0) {
    visit("spawned", "waiting");
    from = "waiting";
  } else if (wasDelayed || (runs === 0 && task.place === "deferred")) {
    visit("spawned", "deferred");
    from = "deferred";
  }
  if (runs > 0) {
    visit(from, "ready", runs);
    visit("ready", "lease", runs);
    const isRunning = task.place === "lease";
    const isEnded = ["completed", "failed", "cancelled"].includes(task.place);
    const returns = runs - 1 + (isRunning || isEnded ? 0 : 1);
    if (returns > 0) {
      visit("lease", "deferred", returns);
      if (runs > 1) moves.add("deferred>ready");
    }
    if (isEnded) visit("lease", task.place);
  }
  if (visits[task.place] === 0) visit(runs > 0 ? "lease" : from, task.place);
  return { now: task.place, visits, moves };
}
