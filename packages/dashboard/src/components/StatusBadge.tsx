/** What a status looks like: a word and a shape beside the hue, so that it survives a printout. */
import type { TaskStatus } from "@contimg/contract";
import type { ReactNode } from "react";

import "./StatusBadge.css";

/** The hues of theme.css; other things than tasks borrow them. */
export type Tone = TaskStatus;

export const STATUS_LABEL: Readonly<Record<TaskStatus, string>> = {
  pending: "Pending",
  claimed: "Running",
  retrying: "Retrying",
  completed: "Completed",
  failed: "Failed",
  cancelled: "Cancelled",
};

/** Within a square of 16: a ring, a half, a turn, a tick, a cross, a bar. */
const SHAPE: Readonly<Record<Tone, ReactNode>> = {
  pending: <circle cx="8" cy="8" r="5.5" />,
  claimed: (
    <>
      <circle cx="8" cy="8" r="5.5" />
      <path d="M8 2.5a5.5 5.5 0 0 1 0 11z" fill="currentColor" stroke="none" />
    </>
  ),
  retrying: <path d="M13 8a5 5 0 1 1-1.6-3.7M13 2v3h-3" />,
  completed: <path d="M3 8.5 6.5 12 13 4.5" />,
  failed: <path d="m4 4 8 8M12 4l-8 8" />,
  cancelled: (
    <>
      <circle cx="8" cy="8" r="5.5" />
      <path d="M4.5 11.5l7-7" />
    </>
  ),
};

export function StatusIcon({ tone }: { tone: Tone }) {
  return (
    <svg className={`status-icon tone-${tone}`} viewBox="0 0 16 16" aria-hidden="true">
      <g fill="none" stroke="currentColor" strokeWidth="2" strokeLinecap="round">
        {SHAPE[tone]}
      </g>
    </svg>
  );
}

/** A word of its own in one of the six looks: <Badge tone="failed">crashed</Badge> */
export function Badge({ tone, children }: { tone: Tone; children: ReactNode }) {
  return (
    <span className={`badge tone-${tone}`}>
      <StatusIcon tone={tone} />
      {children}
    </span>
  );
}

export function StatusBadge({ status }: { status: TaskStatus }) {
  return <Badge tone={status}>{STATUS_LABEL[status]}</Badge>;
}
