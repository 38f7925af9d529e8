/**
 * How a task goes on that its gate had suspended: a handler's first step.
 *
 * The rows decide, not what woke the task: whoever starts it again, by whatever means, finds the
 * same answer.
 */
import type { Json } from "@contimg/absurd";
import type pg from "pg";

import { inTransaction } from "../products/transaction.ts";
import { failTask, suspendUntilDecided } from "./cases.ts";
import type { Finding } from "./gate.ts";

export interface ResumingTask {
  readonly taskId: string;
  readonly fence: string;
  /** Completes the task in this transaction. @throws when the fence is stale */
  completeIn(client: pg.ClientBase, result: Json): Promise<void>;
}

/** - run: nothing is open, the stage is to run; - over: the task ended or waits again. */
export type Resumption = "run" | "completed" | "over";

interface OpenCase {
  readonly case_id: string;
  readonly group_id: string;
  readonly task_name: string;
  readonly verdict: "hold" | "reject";
  readonly state: "held" | "released" | "recovering";
  readonly details: readonly Finding[];
  readonly task_result: Json;
  readonly route: string | null;
  readonly recovery_task_id: string | null;
  readonly decided_by: string | null;
  readonly reason: string | null;
}

/** Locks the task's open case, then its lease. */
export function resume(pool: pg.Pool, task: ResumingTask): Promise<Resumption> {
  return inTransaction(pool, async (client) => {
    const { rows } = await client.query<OpenCase>(
      `select * from contimg.quality_cases
        where task_id = $1 and settled_at is null
        order by opened_at desc
        limit 1
          for update`,
      [task.taskId],
    );
    const open = rows[0];
    if (open === undefined) return "run";
    if (open.state === "held") {
      await suspendUntilDecided(client, task.fence, open.case_id);
      return "over";
    }
    if (open.state === "released") {
      await markSettled(client, open, "released");
      const released = { by: open.decided_by, reason: open.reason };
      await task.completeIn(client, { ...membersOf(open.task_result), released });
      return "completed";
    }
    return afterRecovery(client, task, open);
  });
}

interface TaskEnd {
  readonly status: "completed" | "failed" | "cancelled";
  readonly result: Json;
  readonly error: { readonly message?: string } | null;
}

async function afterRecovery(
  client: pg.ClientBase,
  task: ResumingTask,
  open: OpenCase,
): Promise<Resumption> {
  const { rows } = await client.query<{ ends: string | null }>(
    "select ends from absurd.await_tasks($1, $2)",
    [task.fence, [open.recovery_task_id]],
  );
  const { ends } = rows[0]!;
  if (ends === null) return "over";
  const [end] = JSON.parse(ends) as [TaskEnd];
  if (end.status === "completed") {
    await markSettled(client, open, "recovered");
    const recovered = { route: open.route, task_id: open.recovery_task_id };
    await task.completeIn(client, { ...membersOf(end.result), recovered });
    return "completed";
  }
  await markSettled(client, open, "failed");
  // What is to be held must be there to be looked at: the run is made again, with this route gone.
  if (open.verdict === "hold") return "run";
  const said = end.error?.message ?? end.status;
  await failTask(client, task.fence, {
    stage: open.task_name,
    groupId: open.group_id,
    findings: open.details,
    tried: `${open.route} (task ${open.recovery_task_id}) did not help: ${said}`,
  });
  return "over";
}

async function markSettled(client: pg.ClientBase, open: OpenCase, state: string): Promise<void> {
  await client.query(
    `update contimg.quality_cases set state = $2, settled_at = clock_timestamp()
      where case_id = $1`,
    [open.case_id, state],
  );
}

function membersOf(value: Json): Readonly<Record<string, Json>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : { value };
}
