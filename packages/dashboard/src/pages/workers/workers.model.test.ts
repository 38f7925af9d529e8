/** Which worker is stuck, and why. */
import type { Worker } from "@contimg/contract";
import { expect, test } from "vitest";

import { cardsOf, filterCards } from "./workers.model.ts";

const NOW = new Date("2026-01-25T08:10:00Z");
const TASK_ID = "0198f000-0000-7000-8000-000000000001";

function worker(name: string, change: Partial<Worker> = {}): Worker {
  return {
    number: 1,
    worker_id: name,
    state: "active",
    host: "lxd110h03",
    pid: 17,
    version: null,
    queues: ["imaging"],
    concurrency: 4,
    task_names: ["imaging"],
    task_count: 1,
    current_task_id: TASK_ID,
    tasks: [
      { task_id: TASK_ID, task_name: "imaging", attempt: 1, claimed_at: "2026-01-25T08:00:00Z" },
    ],
    first_seen: "2026-01-25T07:00:00Z",
    last_seen: "2026-01-25T08:09:58Z",
    uptime_seconds: 4200,
    lease_seconds: 30,
    memory_bytes: null,
    ...change,
  };
}

const IDLE: Partial<Worker> = { state: "idle", tasks: [], task_count: 0 };
const STUCK = {
  task_id: TASK_ID,
  task_name: "imaging",
  running_seconds: 600,
  usual_seconds: 45,
};

test("workers in trouble come first, each with its reasons", () => {
  const stale = worker("late", { ...IDLE, state: "stale", last_seen: "2026-01-25T08:09:35Z" });
  const cards = cardsOf([worker("fine", IDLE), stale, worker("slow")], [STUCK], NOW);
  expect(cards.map((card) => card.worker.worker_id)).toEqual(["slow", "late", "fine"]);
  expect(cards[0]!.troubles).toEqual(["imaging runs for 10 min, usual is 45 s."]);
  expect(cards[1]!.troubles).toEqual(["It may hang: no beat for 25 s, its lease is 30 s."]);
  expect(cards[2]!.troubles).toEqual([]);
});

test("what is usually over at once is not said to take no time", () => {
  const [card] = cardsOf([worker("slow")], [{ ...STUCK, usual_seconds: 0 }], NOW);
  expect(card!.troubles).toEqual(["imaging runs for 10 min, usual is less than 1 ms."]);
});

test("a task within its usual time troubles nobody", () => {
  expect(cardsOf([worker("busy")], [], NOW)[0]!.troubles).toEqual([]);
});

test("a filter finds by host and task name, and those in trouble", () => {
  const cards = cardsOf([worker("a"), worker("b", { ...IDLE, host: "other" })], [STUCK], NOW);
  const names = (find: string, state: string) =>
    filterCards(cards, { find, state }).map((card) => card.worker.worker_id);
  expect(names("OTHER", "")).toEqual(["b"]);
  expect(names("imaging", "trouble")).toEqual(["a"]);
  expect(names("", "idle")).toEqual(["b"]);
});
