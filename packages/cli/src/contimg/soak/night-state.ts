/** Where every tile of a soak is, from the database alone. */
import { type OpenHold, listHolds } from "@contimg/pipeline";
import type pg from "pg";

import type { Fate } from "./night.ts";

export interface TaskState {
  readonly task_id: string;
  readonly stage: string;
  readonly group_id: string;
  readonly status: "pending" | "claimed" | "retrying" | "completed" | "failed" | "cancelled";
  readonly worker: string | null;
  readonly attempt: number;
  readonly workflow_id: string | null;
  /** Of the end, or of the last attempt that failed. */
  readonly error: { readonly tag: string; readonly message: string } | null;
  readonly completed_at: Date | null;
  readonly has_progress: boolean;
}

interface RunState {
  readonly group_id: string;
  readonly revision: number;
  readonly workflow_id: string;
}

export interface NightState {
  readonly tasks: readonly TaskState[];
  /** Of ingest. */
  readonly groups: ReadonlyMap<string, { readonly state: string; readonly reason: string | null }>;
  /** The last of each group. */
  readonly runs: ReadonlyMap<string, RunState>;
  /** Groups that wait for a person or a calibration, with the reason. */
  readonly held: ReadonlyMap<string, string>;
  /** Groups with an image in place that no gate bars. */
  readonly imaged: ReadonlySet<string>;
}

export async function readNightState(pool: pg.Pool): Promise<NightState> {
  const tasks = await pool.query<TaskState>(
    `select t.task_id::text, t.task_name as stage, t.correlation_id as group_id, t.status,
            t.worker_id as worker, t.attempt, t.workflow_id::text, t.error_detail as error,
            t.completed_at, coalesce(p.fraction > 0, false) as has_progress
       from absurd.tasks t
       left join absurd.progress p on p.task_id = t.task_number
      where t.correlation_id is not null`,
  );
  const groups = await pool.query<{ group_id: string; state: string; reason: string | null }>(
    "select group_id, state, reason from contimg.groups",
  );
  const runs = await pool.query<RunState>(
    `select distinct on (group_id) group_id, revision, workflow_id::text
       from contimg.group_runs order by group_id, revision desc`,
  );
  const cases = await pool.query<{ group_id: string; text: string }>(
    `select group_id, task_name || ': ' || (details -> 0 ->> 'text') as text
       from contimg.quality_cases where state = 'held'`,
  );
  const images = await pool.query<{ group_id: string }>(
    `select p.group_id
       from contimg.products p
      where p.kind = 'corrected-image' and p.superseded_at is null
        and p.published_at is not null and contimg.barred_by(p) is null`,
  );
  return {
    tasks: tasks.rows,
    groups: new Map(groups.rows.map((row) => [row.group_id, row])),
    runs: new Map(runs.rows.map((row) => [row.group_id, row])),
    held: new Map([
      ...(await listHolds(pool)).map((hold: OpenHold) => [hold.groupId, hold.reason] as const),
      ...cases.rows.map((row) => [row.group_id, row.text] as const),
    ]),
    imaged: new Set(images.rows.map((row) => row.group_id)),
  };
}

const LIVE: ReadonlySet<string> = new Set(["pending", "claimed", "retrying"]);

export interface TileEnd {
  readonly fate: Fate;
  /** Of a tile that is not imaged. */
  readonly why: string | null;
  readonly endedAt: Date | null;
  /** Tasks that failed on the way, with their tags. */
  readonly failures: readonly { stage: string; tag: string; message: string }[];
}

/** Pure. */
export function endOf(state: NightState, groupId: string): TileEnd {
  const tasks = state.tasks.filter((task) => task.group_id === groupId);
  const ended = tasks.map((task) => task.completed_at).filter((at) => at !== null);
  const endedAt = ended.toSorted((a, b) => b.getTime() - a.getTime())[0] ?? null;
  const failures = tasks
    .filter(({ status }) => status === "failed")
    .map(({ stage, error }) => ({
      stage,
      tag: error?.tag ?? "none",
      message: error?.message ?? "no message",
    }));
  const end = (fate: Fate, why: string | null): TileEnd => ({ fate, why, endedAt, failures });
  const group = state.groups.get(groupId);
  if (group?.state === "refused") return end("refused", group.reason);
  const held = state.held.get(groupId);
  if (held !== undefined) return end("held", held);
  const live = tasks.filter(({ status }) => LIVE.has(status));
  if (live.length > 0) return end("open", live.map(inWords).join("; "));
  const run = state.runs.get(groupId);
  if (run === undefined) return end("open", group?.reason ?? "ingest does not know it");
  const last = tasks.filter((task) => task.workflow_id === run.workflow_id);
  const unmade = last.filter(
    ({ stage, status }) => status !== "completed" && stage !== "calibration-solve",
  );
  if (unmade.length === 0 && state.imaged.has(groupId)) return end("imaged", null);
  const [failure] = failures;
  if (failure === undefined) return end("open", "no task of it failed, and it has no image");
  return end("failed", `${failure.stage}: ${failure.tag}: ${failure.message}`);
}

function inWords({ stage, status, attempt, error }: TaskState): string {
  const said = error === null ? "" : `, ${error.tag}: ${error.message}`;
  return `${stage} ${status} at attempt ${attempt}${said}`;
}
