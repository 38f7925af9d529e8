/** Health, overview and the pipeline's status: see the contract's health.ts. */
import {
  type AbsurdClient,
  isConnectionLoss,
  type NameStats,
  type QueuePace,
} from "@contimg/absurd";
import type { Health, HEALTH_ROUTES, Metrics, Overview } from "@contimg/contract";

import { alertsOf, verdictOf } from "../alerts.ts";
import type { HandlersOf } from "../handler.ts";
import { drainsInSeconds, type Pace } from "./queues.ts";
import type { ReadPaces } from "../pace.ts";
import { ApiError } from "../problem.ts";
import { isAway, type SystemState, type SystemWatch } from "../system-state.ts";
import { countStates, workerState } from "./workers.ts";

export interface HealthHandlersDeps {
  readonly client: AbsurdClient;
  readonly isEnabled: boolean;
  readonly watch: SystemWatch;
  readonly readPaces: ReadPaces;
  readonly readMetrics: () => Promise<Metrics>;
}

const HELD_SHOWN = 5;

export function healthHandlers(deps: HealthHandlersDeps): HandlersOf<typeof HEALTH_ROUTES> {
  const { client, isEnabled, watch, readPaces, readMetrics } = deps;
  return {
    getLiveness: () => Promise.resolve({ status: "ok" as const, enabled: isEnabled }),
    async getReadiness() {
      if (!isEnabled) {
        throw new ApiError("ABSURD_DISABLED", "Absurd is switched off here (ABSURD_ENABLED)");
      }
      await client.queues.list();
      return { status: "ready" as const };
    },
    getHealth: () => readHealth(deps),
    async getOverview() {
      const [health, metrics, system, groups, held, heldTasks, paces] = await Promise.all([
        readHealth(deps),
        readMetrics(),
        watch.state(),
        watch.failureGroups(),
        client.events.heldCount(),
        client.events.heldTasks(HELD_SHOWN),
        readPaces(),
      ]);
      const { queues, workers, facts } = system;
      const open = groups.filter((each) => each.state === "open" && each.count > 0);
      const backlog = queues.reduce((sum, each) => sum + each.ready, 0);
      return {
        health,
        metrics,
        open_failures: {
          groups: open.length,
          tasks: open.reduce((sum, each) => sum + each.count, 0),
        },
        stuck: facts.stuck.map(wireStuck),
        held,
        held_tasks: heldTasks.map((task) => ({
          task_id: task.taskId,
          task_name: task.taskName,
          awaited_event: task.event,
        })),
        backlog,
        drains_in_seconds: drainsInSeconds(backlog, sumOf([...paces.values()])),
        workers: countWorkers(workers),
      };
    },
    async getPipelineStatus() {
      const [names, { queues, workers, facts }] = await Promise.all([
        client.nameStats(),
        watch.state(),
      ]);
      const { active, idle } = countWorkers(workers);
      const stages = Object.fromEntries(names.map((each) => [each.taskName, wireStage(each)]));
      return {
        stages,
        total: Object.values(stages).reduce(addStages, { ...NO_STAGE }),
        worker_count: workers.length,
        active_workers: active,
        idle_workers: idle,
        is_healthy: verdictOf(alertsOf(facts)).status !== "critical",
        queue_depth: queues.reduce((sum, each) => sum + each.ready, 0),
        last_updated: facts.now.toISOString(),
      };
    },
  };
}

async function readHealth({ isEnabled, watch }: HealthHandlersDeps): Promise<Health> {
  if (!isEnabled) {
    return {
      ...healthWithout("Absurd is switched off here (ABSURD_ENABLED=false)"),
      status: "disabled",
    };
  }
  let state: SystemState;
  try {
    state = await watch.state();
  } catch (error) {
    if (!isConnectionLoss(error)) throw error;
    return databaseAway();
  }
  const { facts, queues } = state;
  const alerts = alertsOf(facts);
  return {
    ...verdictOf(alerts),
    queue_depth: queues.reduce((sum, each) => sum + each.ready, 0),
    database_available: true,
    database_latency_ms: facts.latencyMs,
    worker_pool_healthy: facts.workers.total > facts.workers.away,
    alerts: alerts.filter((each) => each.level === "critical"),
    warnings: alerts.filter((each) => each.level === "warning"),
    checked_at: facts.now.toISOString(),
  };
}

function healthWithout(message: string): Omit<Health, "status"> {
  return {
    message,
    queue_depth: 0,
    database_available: false,
    database_latency_ms: null,
    worker_pool_healthy: false,
    alerts: [],
    warnings: [],
    checked_at: new Date().toISOString(),
  };
}

function databaseAway(): Health {
  const message = "the database does not answer";
  const away = healthWithout(message);
  return {
    ...away,
    status: "critical",
    alerts: [
      {
        level: "critical",
        code: "database-away",
        message,
        remedy: "see whether PostgreSQL runs and can be reached; the API recovers by itself",
        page: "/settings",
        timestamp: away.checked_at,
      },
    ],
  };
}

function wireStuck(task: SystemState["facts"]["stuck"][number]): Overview["stuck"][number] {
  return {
    task_id: task.taskId,
    task_name: task.taskName,
    running_seconds: task.runningSeconds,
    usual_seconds: task.usualSeconds,
  };
}

function countWorkers(workers: SystemState["workers"]): Overview["workers"] {
  const { active, idle } = countStates(workers.map(workerState));
  return { total: workers.length, active, idle, away: workers.filter(isAway).length };
}

function sumOf(paces: readonly QueuePace[]): Pace {
  return paces.reduce<Pace>(
    (sum, each) => ({
      arrivalsPerSecond: sum.arrivalsPerSecond + each.arrivalsPerSecond,
      endsPerSecond: sum.endsPerSecond + each.endsPerSecond,
    }),
    { arrivalsPerSecond: 0, endsPerSecond: 0 },
  );
}

const NO_STAGE = { stage: "all", pending: 0, running: 0, completed: 0, failed: 0 };
type Stage = typeof NO_STAGE;

function wireStage(stats: NameStats): Stage {
  return {
    stage: stats.taskName,
    pending: stats.pending + stats.retrying,
    running: stats.claimed,
    completed: stats.completed,
    failed: stats.failed,
  };
}

function addStages(sum: Stage, each: Stage): Stage {
  return {
    stage: sum.stage,
    pending: sum.pending + each.pending,
    running: sum.running + each.running,
    completed: sum.completed + each.completed,
    failed: sum.failed + each.failed,
  };
}
