/** Actions on many tasks: how far each is, by whom and why; taking one back. */
import { useQuery } from "@tanstack/react-query";
import type { BulkAction } from "@contimg/contract";
import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { useApi } from "../../api/api.tsx";
import { bulksQuery, useUndoBulk } from "../../api/bulk.ts";
import { BULK_LABEL, progressShare, progressText } from "../../components/bulk.model.ts";
import { ConfirmDialog } from "../../components/Dialog.tsx";
import { Instant } from "../../components/Instant.tsx";
import { Page } from "../../components/Page.tsx";
import { EmptyState, QueryRegion } from "../../components/states.tsx";
import { Badge, type Tone } from "../../components/StatusBadge.tsx";
import { useNotify } from "../../components/Toasts.tsx";
import { formatCountOf } from "../../format/quantity.ts";
import { useMay } from "../../session/session.tsx";
import { bulkActionsRoute } from "./route.ts";
import "./bulk-actions.css";

const TONE: Readonly<Record<BulkAction["state"], Tone>> = {
  running: "claimed",
  completed: "completed",
  stopped: "cancelled",
  failed: "failed",
  undone: "cancelled",
};

export function BulkActionsPage() {
  const { id } = bulkActionsRoute.useSearch();
  const query = useQuery(bulksQuery(useApi()));
  const [undoing, setUndoing] = useState<BulkAction>();
  return (
    <Page title="Bulk actions">
      <QueryRegion
        query={query}
        isEmpty={(bulks) => bulks.length === 0}
        empty={
          <EmptyState title="No action on many tasks was taken yet.">
            Filter or select <Link to="/tasks">tasks</Link>, then choose what to do.
          </EmptyState>
        }
      >
        {(bulks) => (
          <ol className="stack">
            {bulks.map((bulk) => (
              <Bulk
                key={bulk.bulk_id}
                bulk={bulk}
                isMarked={bulk.bulk_id === id}
                onUndo={setUndoing}
              />
            ))}
          </ol>
        )}
      </QueryRegion>
      {undoing && (
        <UndoDialog
          bulk={undoing}
          onClose={() => {
            setUndoing(undefined);
          }}
        />
      )}
    </Page>
  );
}

function Bulk(props: { bulk: BulkAction; isMarked: boolean; onUndo: (bulk: BulkAction) => void }) {
  const { bulk, isMarked, onUndo } = props;
  const canAct = useMay("operator");
  const canUndo = canAct && bulk.state !== "undone" && bulk.done > bulk.undone;
  return (
    <li className={isMarked ? "panel bulk is-marked" : "panel bulk"}>
      <div className="row wrap">
        <strong>{BULK_LABEL[bulk.action]}</strong>
        <Badge tone={TONE[bulk.state]}>{bulk.state}</Badge>
        <span className="grow clip">
          {bulk.q === null ? (
            formatCountOf(bulk.total, "chosen task")
          ) : (
            <Link to="/tasks" search={{ q: bulk.q }}>
              <code>{bulk.q}</code>
            </Link>
          )}
        </span>
        {canUndo && (
          <button
            onClick={() => {
              onUndo(bulk);
            }}
          >
            {bulk.state === "running" ? "Stop and undo" : "Undo"}
          </button>
        )}
      </div>
      <progress max={1} value={progressShare(bulk)} aria-label="How far it is" />
      <p>{progressText(bulk)}</p>
      {bulk.error && <p className="danger-text">{bulk.error}</p>}
      <p className="muted small">
        {bulk.actor}, <Instant at={bulk.created_at} ago />: {bulk.reason}
      </p>
    </li>
  );
}

function UndoDialog({ bulk, onClose }: { bulk: BulkAction; onClose: () => void }) {
  const undo = useUndoBulk();
  const notify = useNotify();
  return (
    <ConfirmDialog
      title="Take it back"
      action="Undo"
      reason="none"
      onClose={onClose}
      onConfirm={async () => {
        const { undone } = await undo.mutateAsync(bulk.bulk_id);
        notify(`${formatCountOf(undone, "task")} taken back`);
      }}
    >
      <p>Tasks that have not run since get back what they had; the others stay as they are.</p>
    </ConfirmDialog>
  );
}
