/** Every attempt that ended, and why. */
import { useQuery } from "@tanstack/react-query";

import { useApi } from "../../api/api.tsx";
import { attemptsQuery } from "../../api/tasks.ts";
import { Badge, type Tone } from "../../components/StatusBadge.tsx";
import { EmptyState, QueryRegion } from "../../components/states.tsx";
import { Instant } from "../../components/Instant.tsx";
import { formatCount, formatDuration, NONE } from "../../format/quantity.ts";
import { ErrorDetail } from "./ErrorDetail.tsx";

export function AttemptsTab({ taskId }: { taskId: string }) {
  const query = useQuery(attemptsQuery(useApi(), taskId));
  return (
    <QueryRegion
      query={query}
      isEmpty={(attempts) => attempts.length === 0}
      empty={<EmptyState title="No attempt has ended yet." />}
    >
      {(attempts) => (
        <ol className="stack">
          {attempts.toReversed().map((attempt) => (
            <li key={attempt.attempt} className="panel">
              <header>
                <strong>Attempt {formatCount(attempt.attempt)}</strong>
                <Badge tone={toneOf(attempt.ending)}>{attempt.ending}</Badge>
                <span className="muted grow clip">on {attempt.worker_id ?? NONE}</span>
                <span className="muted small">
                  <Instant at={attempt.finished_at} />, after{" "}
                  {formatDuration(secondsOf(attempt.claimed_at, attempt.finished_at))}
                </span>
              </header>
              {attempt.error && <ErrorDetail error={attempt.error} />}
            </li>
          ))}
        </ol>
      )}
    </QueryRegion>
  );
}

function secondsOf(from: string | null, to: string): number | null {
  return from === null ? null : (Date.parse(to) - Date.parse(from)) / 1000;
}

function toneOf(ending: string): Tone {
  return ending === "completed" || ending === "cancelled" ? ending : "failed";
}
