/** The filter grammar of tasks for a filter bar, with the names that are there now. */
import { useQuery } from "@tanstack/react-query";
import { completeTaskFilter, parseTaskFilter } from "@contimg/contract";
import { useMemo } from "react";

import { useApi } from "../api/api.tsx";
import { queueNamesQuery, taskNamesQuery, workersQuery } from "../api/names.ts";
import type { FilterLanguage } from "./FilterBar.tsx";

export function useTaskFilterLanguage(): FilterLanguage {
  const api = useApi();
  const { data: queues } = useQuery(queueNamesQuery(api));
  const { data: names } = useQuery(taskNamesQuery(api));
  const { data: workers } = useQuery(workersQuery(api));
  return useMemo(() => {
    const known = {
      queues: queues ?? [],
      names: [...new Set(names?.map((each) => each.task_name))],
      workers: workers?.workers.map((worker) => worker.worker_id) ?? [],
    };
    return {
      faultsOf: (text) => parseTaskFilter(text, new Date()).faults ?? [],
      complete: (text, cursor) => completeTaskFilter(text, cursor, known),
    };
  }, [queues, names, workers]);
}
