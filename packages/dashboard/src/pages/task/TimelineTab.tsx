/** The life of a task over time. */
import type { Task } from "@contimg/contract";

import { useNow } from "../../components/now.ts";
import { Instant } from "../../components/Instant.tsx";
import { formatDuration } from "../../format/quantity.ts";
import type { Attempt } from "./attempt.ts";
import { type Span, timelineOf } from "./timeline.model.ts";

interface TimelineTabProps {
  readonly task: Task;
  readonly attempts: readonly Attempt[];
}

export function TimelineTab({ task, attempts }: TimelineTabProps) {
  const now = useNow().getTime();
  const { spans, from, to } = timelineOf(task, attempts, now);
  return (
    <div className="panel timeline">
      <ol>
        {spans.map((span) => (
          <li key={`${span.kind} ${span.from}`} className="timeline-row">
            <span className="timeline-label">
              {span.kind === "run" ? `Attempt ${span.attempt}` : "Waited"}
            </span>
            <span className="timeline-lane">
              <span
                className={`timeline-bar ${toneOf(span)}`}
                style={{
                  left: `${(100 * (span.from - from)) / (to - from)}%`,
                  width: `${(100 * (span.to - span.from)) / (to - from)}%`,
                }}
              />
            </span>
            <span className="timeline-text">
              {formatDuration((span.to - span.from) / 1000)}
              {span.kind === "run" && ` · ${span.ending ?? "running"}`}
              {span.worker && <span className="muted"> · {span.worker}</span>}
            </span>
          </li>
        ))}
      </ol>
      <p className="timeline-row muted small">
        <span className="timeline-label" />
        <span className="timeline-lane is-scale">
          <Instant at={new Date(from)} />
          <span>{formatDuration((to - from) / 1000)}</span>
          <Instant at={new Date(to)} />
        </span>
        <span className="timeline-text" />
      </p>
    </div>
  );
}

function toneOf(span: Span): string {
  if (span.kind === "wait") return "is-wait";
  if (span.ending === null) return "is-running";
  if (span.ending === "completed") return "is-completed";
  return span.ending === "cancelled" ? "is-cancelled" : "is-failed";
}
