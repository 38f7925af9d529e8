/** From what is known of the system to what needs a person: each with a remedy and a page. Pure. */
import type { Alert, Health } from "@contimg/contract";

import { FEW_ENDS, levelOf, THRESHOLDS } from "./thresholds.ts";

export interface StuckTask {
  readonly taskId: string;
  readonly taskName: string;
  readonly runningSeconds: number;
  /** 0: nobody knows. */
  readonly usualSeconds: number;
}

export interface Facts {
  readonly now: Date;
  readonly latencyMs: number | null;
  readonly queues: readonly {
    readonly name: string;
    readonly paused: boolean;
    readonly ready: number;
    readonly oldestAt: Date | null;
  }[];
  readonly workers: {
    readonly total: number;
    /** Late with their beat, or past their lease. */
    readonly away: number;
    /** That those that beat serve. */
    readonly queues: ReadonlySet<string>;
  };
  readonly secondsWithoutCompletion: number;
  /** Of the last five minutes. */
  readonly ended: { readonly total: number; readonly failed: number };
  readonly stuck: readonly StuckTask[];
}

type Level = Alert["level"];
type Finding = Omit<Alert, "timestamp">;

/** Critical ones first. */
export function alertsOf(facts: Facts): Alert[] {
  const findings = [
    ...databaseFindings(facts),
    ...workerFindings(facts),
    ...depthFindings(facts),
    ...queueFindings(facts),
    ...outcomeFindings(facts),
    ...facts.stuck.map(stuckFinding),
  ];
  const rank = (level: Level): number => (level === "critical" ? 0 : 1);
  return findings
    .sort((a, b) => rank(a.level) - rank(b.level))
    .map((each) => ({ ...each, timestamp: facts.now.toISOString() }));
}

/** Of the whole, with a sentence that names the worst. */
export function verdictOf(alerts: readonly Alert[]): Pick<Health, "status" | "message"> {
  const [worst] = alerts;
  if (!worst) return { status: "healthy", message: "all is well" };
  const more = alerts.length > 1 ? `; and ${alerts.length - 1} more` : "";
  const status = worst.level === "critical" ? "critical" : "degraded";
  return { status, message: `${worst.message}${more}` };
}

function databaseFindings({ latencyMs }: Facts): Finding[] {
  const level = latencyMs === null ? undefined : levelOf(latencyMs, THRESHOLDS.databaseLatencyMs);
  if (!level || latencyMs === null) return [];
  return [
    {
      level,
      code: "database-slow",
      message: `the database takes ${Math.round(latencyMs)} ms for a round trip`,
      remedy: "look for long statements in pg_stat_activity, and at the load of its machine",
      page: "/settings",
    },
  ];
}

function workerFindings({ workers, queues }: Facts): Finding[] {
  const ready = queues.reduce((sum, each) => sum + (each.paused ? 0 : each.ready), 0);
  if (workers.total === 0) {
    if (ready === 0) return [];
    return [
      {
        level: "critical",
        code: "no-worker",
        message: `no worker is there for ${count(ready, "ready task")}`,
        remedy: "start one: contimg worker, or absurd worker of your program",
        page: "/workers",
      },
    ];
  }
  const level = levelOf(workers.away / workers.total, THRESHOLDS.awayWorkerShare);
  if (!level) return [];
  return [
    {
      level,
      code: "workers-away",
      message: `${workers.away} of ${workers.total} workers do not beat`,
      remedy: "look at their machines and logs; their tasks go to others when their leases end",
      page: "/workers",
    },
  ];
}

function depthFindings({ queues }: Facts): Finding[] {
  const depth = queues.reduce((sum, each) => sum + each.ready, 0);
  const level = levelOf(depth, THRESHOLDS.queueDepth);
  if (!level) return [];
  return [
    {
      level,
      code: "queue-depth",
      message: `${depth} tasks are ready and wait for a worker`,
      remedy: "start more workers, or see which queue grows and why",
      page: "/queues",
    },
  ];
}

function queueFindings({ now, queues, workers }: Facts): Finding[] {
  return queues.flatMap((queue) => {
    if (queue.ready === 0) return [];
    const page = `/queues?name=${encodeURIComponent(queue.name)}`;
    if (queue.paused) {
      const message = `queue "${queue.name}" is paused with ${count(queue.ready, "ready task")}`;
      const remedy = "resume it when the reason for the pause is gone";
      return [{ level: "warning", code: "queue-paused", message, remedy, page }];
    }
    const findings: Finding[] = [];
    if (workers.total > 0 && !workers.queues.has(queue.name)) {
      findings.push({
        level: "warning",
        code: "queue-without-worker",
        message: `no worker serves queue "${queue.name}", which has ${count(queue.ready, "ready task")}`,
        remedy: "start a worker with this queue",
        page,
      });
    }
    const seconds = queue.oldestAt ? (now.getTime() - queue.oldestAt.getTime()) / 1000 : 0;
    const level = levelOf(seconds, THRESHOLDS.oldestPendingSeconds);
    if (level) {
      findings.push({
        level,
        code: "oldest-pending",
        message: `a task of queue "${queue.name}" is ready for ${duration(seconds)}`,
        remedy: "explain it: a limit may hold it, or no worker knows its name",
        page,
      });
    }
    return findings;
  });
}

function outcomeFindings({ queues, secondsWithoutCompletion, ended }: Facts): Finding[] {
  const findings: Finding[] = [];
  const isWaiting = queues.some((each) => !each.paused && each.ready > 0);
  const still = levelOf(secondsWithoutCompletion, THRESHOLDS.nothingCompletedSeconds);
  if (isWaiting && still) {
    findings.push({
      level: still,
      code: "nothing-completed",
      message: `nothing completed for ${duration(secondsWithoutCompletion)} while tasks are ready`,
      remedy: "see whether workers claim, and what the running tasks do",
      page: "/tasks?q=status:claimed",
    });
  }
  const rate = ended.total < FEW_ENDS ? 0 : ended.failed / ended.total;
  const level = levelOf(rate, THRESHOLDS.errorRate);
  if (level) {
    findings.push({
      level,
      code: "error-rate",
      message: `${Math.round(rate * 100)} % of the tasks that ended in 5 minutes failed`,
      remedy: "see the groups of failures: one cause may be behind many",
      page: "/failures",
    });
  }
  return findings;
}

function stuckFinding(task: StuckTask): Finding {
  const usual =
    task.usualSeconds > 0
      ? `, usually ${duration(task.usualSeconds)}`
      : ", and its usual is unknown";
  return {
    level: "warning",
    code: "stuck-task",
    message: `${task.taskName} runs for ${duration(task.runningSeconds)}${usual}`,
    remedy: "look at its log; cancel it when it does not go on",
    page: `/tasks/${task.taskId}`,
  };
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

function duration(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800
    ? `${Math.round(seconds / 3_600)} h`
    : `${Math.round(seconds / 86_400)} days`;
}
