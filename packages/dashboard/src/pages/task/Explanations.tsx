/** Why a task is not running, or what it does. */
import { useQuery } from "@tanstack/react-query";

import { useApi } from "../../api/api.tsx";
import { explainQuery } from "../../api/tasks.ts";
import { QueryRegion } from "../../components/states.tsx";

export function Explanations({ taskId }: { taskId: string }) {
  const query = useQuery(explainQuery(useApi(), taskId));
  return (
    <section className="panel">
      <header>
        <h2>Why it is where it is</h2>
      </header>
      <div className="body">
        <QueryRegion query={query} lines={1}>
          {(explanations) => (
            <ul className="explanations">
              {explanations.map((each) => (
                <li key={each.code + each.message}>{each.message}</li>
              ))}
            </ul>
          )}
        </QueryRegion>
      </div>
    </section>
  );
}
