/** The states of any region: loading, empty, error, stale. The fifth, full, is the page's own. */
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { messageOf } from "../api/api.tsx";
import { Instant } from "./Instant.tsx";
import "./states.css";

/** Grey lines where text will be. */
export function Skeleton({ lines = 3 }: { lines?: number }) {
  return (
    <div className="skeleton" role="status">
      <span className="hidden-text">Loading…</span>
      {Array.from({ length: lines }, (_, index) => (
        <span key={index} className="skeleton-line" />
      ))}
    </div>
  );
}

export function EmptyState({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <p className="empty-title">{title}</p>
      {children && <div className="muted">{children}</div>}
    </div>
  );
}

export function ErrorState({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  return (
    <div className="notice is-danger" role="alert">
      <p>{messageOf(error)}</p>
      {onRetry && <button onClick={onRetry}>Try again</button>}
    </div>
  );
}

/** Old data are shown, and why they are old. */
export function StaleNotice({ since, error }: { since: Date; error: unknown }) {
  return (
    <div className="notice is-warning" role="status">
      <p>
        Not up to date: last read <Instant at={since} ago />. {messageOf(error)}
      </p>
    </div>
  );
}

/**
 * A region fed by one query: draws what is there, and says what is wrong with it.
 * `isEmpty` and `empty` go together.
 */
export function QueryRegion<Data>({
  query,
  isEmpty,
  empty,
  lines = 3,
  children,
}: {
  query: UseQueryResult<Data>;
  isEmpty?: (data: Data) => boolean;
  empty?: ReactNode;
  lines?: number;
  children: (data: Data) => ReactNode;
}) {
  const { data, error, dataUpdatedAt } = query;
  if (data === undefined) {
    if (!error) return <Skeleton lines={lines} />;
    return <ErrorState error={error} onRetry={() => void query.refetch()} />;
  }
  return (
    <>
      {error && <StaleNotice since={new Date(dataUpdatedAt)} error={error} />}
      {isEmpty?.(data) ? empty : children(data)}
    </>
  );
}
