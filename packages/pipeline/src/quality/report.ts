/** What the gates said, for people: verdicts, findings, and each value in its history. */
import type pg from "pg";

import type { Finding, Verdict } from "./gate.ts";
import { percentileOf, robustZScore } from "./unusual.ts";

export interface MetricInHistory {
  readonly metric: string;
  readonly value: number;
  /** Null without a past. */
  readonly percentile: number | null;
  /** Null without a past, or with one that is all equal. */
  readonly zScore: number | null;
  /** Values of the past it was compared with. */
  readonly pastCount: number;
}

export interface StageQuality {
  readonly groupId: string;
  readonly stage: string;
  readonly verdict: Verdict;
  /** What became of a run that did not pass: held, released, rejected, recovering, … */
  readonly state: string | null;
  readonly findings: readonly Finding[];
  readonly metrics: readonly MetricInHistory[];
  /** Null when the stage ran without a queue. */
  readonly taskId: string | null;
  readonly recordedAt: Date;
  readonly decision: { readonly by: string; readonly reason: string; readonly at: Date } | null;
  readonly recovery: { readonly route: string; readonly taskId: string } | null;
}

export interface QualityFilter {
  readonly groupId?: string | undefined;
  readonly heldOnly?: boolean | undefined;
  readonly limit: number;
}

interface Row {
  group_id: string;
  task_name: string;
  grade: Verdict;
  details: Finding[];
  metrics: Record<string, number>;
  task_id: string | null;
  fence: string;
  recorded_at: Date;
  state: string | null;
  decided_by: string | null;
  decided_at: Date | null;
  reason: string | null;
  route: string | null;
  recovery_task_id: string | null;
}

/** As many as a gate compares with by default. */
const HISTORY_COUNT = 100;

/** The last verdict of each stage on each group, the newest group first, its stages in order. */
export async function listQuality(pool: pg.Pool, filter: QualityFilter): Promise<StageQuality[]> {
  const { rows } = await pool.query<Row>(
    `select v.group_id, v.task_name, v.grade, v.details, v.metrics, v.task_id, v.fence,
            v.recorded_at, c.state, c.decided_by, c.decided_at, c.reason, c.route,
            c.recovery_task_id
       from contimg.quality_verdicts v
       left join contimg.quality_cases c on c.fence = v.fence
      where ($1::text is null or v.group_id = $1)
        and (not $2 or c.state = 'held')
      order by v.group_id desc, v.recorded_at
      limit $3`,
    [filter.groupId ?? null, filter.heldOnly ?? false, filter.limit],
  );
  const listed: StageQuality[] = [];
  for (const row of rows) {
    // History is read for one group only: a list of hundreds is for an overview.
    const metrics = filter.groupId === undefined ? plain(row) : await inHistory(pool, row);
    listed.push({ ...describe(row), metrics });
  }
  return listed;
}

function describe(row: Row): Omit<StageQuality, "metrics"> {
  const { decided_by: by, reason, decided_at: at, route, recovery_task_id: recoveryId } = row;
  return {
    groupId: row.group_id,
    stage: row.task_name,
    verdict: row.grade,
    state: row.state,
    findings: row.details,
    taskId: row.task_id,
    recordedAt: row.recorded_at,
    decision: by === null || reason === null || at === null ? null : { by, reason, at },
    recovery: route === null || recoveryId === null ? null : { route, taskId: recoveryId },
  };
}

function plain({ metrics }: Row): MetricInHistory[] {
  return Object.entries(metrics).map(([metric, value]) => ({
    ...{ metric, value, percentile: null, zScore: null, pastCount: 0 },
  }));
}

async function inHistory(pool: pg.Pool, row: Row): Promise<MetricInHistory[]> {
  const { rows } = await pool.query<{ metric: string; past: number[] }>(
    "select metric, past from contimg.metric_history($1, $2, $3, $4)",
    [row.task_name, Object.keys(row.metrics), row.fence, HISTORY_COUNT],
  );
  const pastOf = new Map(rows.map(({ metric, past }) => [metric, past]));
  return Object.entries(row.metrics).map(([metric, value]) => {
    const past = pastOf.get(metric) ?? [];
    return {
      ...{ metric, value, pastCount: past.length },
      percentile: percentileOf(value, past),
      zScore: robustZScore(value, past),
    };
  });
}
