/** The checkpoints of a task; a rerun may begin at any. */
import { useQuery } from "@tanstack/react-query";

import { useApi } from "../../api/api.tsx";
import { stepsQuery } from "../../api/tasks.ts";
import { Instant } from "../../components/Instant.tsx";
import { JsonView } from "../../components/JsonView.tsx";
import { EmptyState, QueryRegion } from "../../components/states.tsx";
import { formatCount } from "../../format/quantity.ts";

interface StepsTabProps {
  readonly taskId: string;
  /** Undefined: its state, or the role, does not allow it. */
  readonly onRerun: ((step: string) => void) | undefined;
}

export function StepsTab({ taskId, onRerun }: StepsTabProps) {
  const query = useQuery(stepsQuery(useApi(), taskId));
  return (
    <QueryRegion
      query={query}
      isEmpty={(steps) => steps.length === 0}
      empty={<EmptyState title="No step is done yet, or its handler has none." />}
    >
      {(steps) => (
        <ol className="stack">
          {steps.map((step, index) => (
            <li key={step.step} className="panel">
              <header>
                <span className="muted number">{formatCount(index + 1)}</span>
                <strong className="grow clip">{step.step}</strong>
                <span className="muted small">
                  attempt {formatCount(step.attempt)}, <Instant at={step.at} />
                </span>
                {onRerun && (
                  <button
                    className="small"
                    onClick={() => {
                      onRerun(step.step);
                    }}
                  >
                    Rerun from here
                  </button>
                )}
              </header>
              {step.value !== null && (
                <div className="body">
                  <JsonView value={step.value} label={`What ${step.step} gave`} />
                </div>
              )}
            </li>
          ))}
        </ol>
      )}
    </QueryRegion>
  );
}
