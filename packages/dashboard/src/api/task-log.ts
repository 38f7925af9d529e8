/** The log of a task, read on from where it was read to, each second while the task runs. */
import { type QueryClient, queryOptions } from "@tanstack/react-query";
import type { LogLine } from "@contimg/contract";

import type { Api } from "./api.tsx";

interface TaskLog {
  readonly lines: readonly LogLine[];
  readonly isEnded: boolean;
}

const PAGE = 1000;
/** Of a longer log the end is kept; the command line has it all. */
const LINES_MAX = 100_000;

export function taskLogQuery(api: Api, queries: QueryClient, taskId: string) {
  const queryKey = ["task-log", taskId] as const;
  return queryOptions({
    queryKey,
    queryFn: async ({ signal }): Promise<TaskLog> => {
      let lines = queries.getQueryData<TaskLog>(queryKey)?.lines ?? [];
      for (;;) {
        const last = lines.at(-1)?.line;
        const answer = await api.client.call(
          "readLog",
          {
            params: { task_id: taskId },
            query: { limit: PAGE, ...(last === undefined ? {} : { after: last }) },
          },
          { signal },
        );
        if (answer.lines.length > 0) lines = [...lines, ...answer.lines].slice(-LINES_MAX);
        if (answer.lines.length < PAGE) return { lines, isEnded: answer.ended };
      }
    },
    structuralSharing: false,
    refetchInterval: ({ state }) => (state.data?.isEnded ? 15_000 : 1_000),
  });
}
