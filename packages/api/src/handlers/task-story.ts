/** The story of one task: attempts, steps, log, why it waits, whom it belongs to. */
import { type AbsurdClient, isTerminal, type LogLineView } from "@contimg/absurd";
import type { TASK_ROUTES } from "@contimg/contract";

import type { HandlersOf } from "../handler.ts";
import { wireAttempt, wireLogLine, wireStep, wireTaskSummary } from "./task-wire.ts";
import { wireObject } from "./wire-values.ts";

export type StoryRoute = "listAttempts" | "listSteps" | "readLog" | "explainTask" | "getLineage";

export function storyHandlers(
  client: AbsurdClient,
): Pick<HandlersOf<typeof TASK_ROUTES>, StoryRoute> {
  return {
    async listAttempts({ params }) {
      const { attempts } = await client.show(params.task_id);
      return { attempts: attempts.map(wireAttempt) };
    },
    async listSteps({ params }) {
      const [steps] = await Promise.all([
        client.steps.list(params.task_id),
        // Without it, a task that does not exist has no steps.
        client.show(params.task_id),
      ]);
      return { steps: steps.map(wireStep) };
    },
    async readLog({ params, query }, { signal }) {
      // Asked first: what is logged before the end is then among the lines.
      const { status } = await client.show(params.task_id);
      const wanted = { ...query, taskId: params.task_id, signal };
      const { lines, isAll } = await readLines(client, wanted);
      return { lines: lines.map(wireLogLine), ended: isAll && isTerminal(status) };
    },
    async explainTask({ params }) {
      const explanations = await client.explain(params.task_id);
      return {
        explanations: explanations.map(({ code, message, detail }) => ({
          code,
          message,
          detail: wireObject(detail),
        })),
      };
    },
    async getLineage({ params }) {
      const lineage = await client.lineage(params.task_id);
      return {
        parent: lineage.parent && wireTaskSummary(lineage.parent),
        children: lineage.children.map(wireTaskSummary),
        depends_on: lineage.dependsOn.map(wireTaskSummary),
        dependents: lineage.dependents.map(wireTaskSummary),
      };
    },
  };
}

interface WantedLines {
  readonly taskId: string;
  readonly after?: string | undefined;
  readonly limit: number;
  readonly level?: LogLineView["level"] | undefined;
  readonly signal: AbortSignal;
}

/** Lines of other levels are read and left out, so that a page is as full as it can be. */
async function readLines(
  client: AbsurdClient,
  { taskId, after, limit, level, signal }: WantedLines,
): Promise<{ lines: LogLineView[]; isAll: boolean }> {
  const lines: LogLineView[] = [];
  let last = after;
  while (true) {
    signal.throwIfAborted();
    const page = await client.steps.readLog(taskId, { after: last, limit });
    last = page.at(-1)?.line;
    lines.push(...page.filter((each) => level === undefined || each.level === level));
    if (lines.length >= limit) return { lines: lines.slice(0, limit), isAll: false };
    if (page.length < limit) return { lines, isAll: true };
  }
}
