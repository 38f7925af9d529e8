/** Workers as they are drawn: state in a word, what troubles each, those in trouble first. */
import type { Overview, Worker } from "@contimg/contract";

import type { Tone } from "../../components/StatusBadge.tsx";
import { formatDuration, formatUsual } from "../../format/quantity.ts";

export const WORKER_LOOK: Readonly<Record<Worker["state"], { word: string; tone: Tone }>> = {
  active: { word: "Active", tone: "claimed" },
  idle: { word: "Idle", tone: "completed" },
  draining: { word: "Draining", tone: "retrying" },
  stopping: { word: "Stopping", tone: "retrying" },
  stale: { word: "Beat is late", tone: "retrying" },
  crashed: { word: "Crashed", tone: "failed" },
};

export interface RunningTask {
  readonly taskId: string;
  readonly name: string;
  readonly attempt: number;
  readonly claimedAt: Date;
  /** Of its name; undefined while it is not far over it. */
  readonly usualSeconds: number | undefined;
}

export interface WorkerCard {
  readonly worker: Worker;
  readonly tasks: readonly RunningTask[];
  /** Sentences; none: all is well. */
  readonly troubles: readonly string[];
}

type Stuck = Overview["stuck"][number];

export function cardsOf(
  workers: readonly Worker[],
  stuck: readonly Stuck[],
  now: Date,
): readonly WorkerCard[] {
  const usual = new Map(stuck.map((task) => [task.task_id, task.usual_seconds]));
  return workers
    .map((worker): WorkerCard => {
      const tasks = worker.tasks.map((task) => ({
        taskId: task.task_id,
        name: task.task_name,
        attempt: task.attempt,
        claimedAt: new Date(task.claimed_at),
        usualSeconds: usual.get(task.task_id),
      }));
      return { worker, tasks, troubles: troublesOf(worker, tasks, now) };
    })
    .sort(
      (a, b) =>
        b.troubles.length - a.troubles.length ||
        b.worker.task_count - a.worker.task_count ||
        a.worker.worker_id.localeCompare(b.worker.worker_id, "en", { numeric: true }),
    );
}

function troublesOf(worker: Worker, tasks: readonly RunningTask[], now: Date): string[] {
  const silent = (now.getTime() - Date.parse(worker.last_seen)) / 1000;
  const beat = `no beat for ${formatDuration(Math.max(0, silent))}`;
  const late =
    worker.state === "crashed"
      ? [`It is gone: ${beat}, its lease of ${formatDuration(worker.lease_seconds)} has run out.`]
      : worker.state === "stale"
        ? [`It may hang: ${beat}, its lease is ${formatDuration(worker.lease_seconds)}.`]
        : [];
  const slow = tasks.flatMap((task) => {
    if (task.usualSeconds === undefined) return [];
    const running = (now.getTime() - task.claimedAt.getTime()) / 1000;
    return [
      `${task.name} runs for ${formatDuration(running)}, ` +
        `usual is ${formatUsual(task.usualSeconds)}.`,
    ];
  });
  return [...late, ...slow];
}

export function filterCards(
  cards: readonly WorkerCard[],
  { find, state }: { readonly find: string; readonly state: string },
): readonly WorkerCard[] {
  const wanted = find.trim().toLowerCase();
  return cards.filter(({ worker, troubles }) => {
    if (state === "trouble" ? troubles.length === 0 : state !== "" && worker.state !== state) {
      return false;
    }
    const texts = [worker.worker_id, worker.host ?? "", ...worker.queues, ...worker.task_names];
    return wanted === "" || texts.some((text) => text.toLowerCase().includes(wanted));
  });
}
