/** Actions on many tasks: how far each is, by whom and why; taking one back. */
import { useQuery } from "@tanstack/react-query";
import type { BulkAction, UndoPreview } from "@contimg/contract";
import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { useApi } from "../../api/api.tsx";
import { bulksQuery, undoPreviewQuery, useUndoBulk } from "../../api/bulk.ts";
import { BULK_LABEL, progressShare, progressText } from "../../components/bulk.model.ts";
import { ConfirmDialog } from "../../components/Dialog.tsx";
import { Instant } from "../../components/Instant.tsx";
import { useNow } from "../../components/now.ts";
import { Page } from "../../components/Page.tsx";
import { WithSidePanel } from "../../components/SidePanel.tsx";
import { EmptyState, QueryRegion } from "../../components/states.tsx";
import { Badge } from "../../components/StatusBadge.tsx";
import { useNotify } from "../../components/Toasts.tsx";
import { formatCount, formatCountOf } from "../../format/quantity.ts";
import { useMay } from "../../session/session.tsx";
import { BULK_TONE, canUndo, paceText, undoText } from "./bulk-actions.model.ts";
import { BulkPanel } from "./BulkPanel.tsx";
import { bulkActionsRoute } from "./route.ts";
import "./bulk-actions.css";

export function BulkActionsPage() {
  const { id } = bulkActionsRoute.useSearch();
  const navigate = bulkActionsRoute.useNavigate();
  const query = useQuery(bulksQuery(useApi()));
  const [undoing, setUndoing] = useState<BulkAction>();
  return (
    <Page title="Bulk actions" isFull>
      <QueryRegion
        query={query}
        isEmpty={(bulks) => bulks.length === 0}
        empty={
          <EmptyState title="No action on many tasks was taken yet.">
            Filter or select <Link to="/tasks">tasks</Link>, then choose what to do.
          </EmptyState>
        }
      >
        {(bulks) => {
          const chosen = bulks.find((bulk) => bulk.bulk_id === id);
          return (
            <WithSidePanel
              panel={
                chosen && <BulkPanel bulk={chosen} onClose={() => void navigate({ search: {} })} />
              }
            >
              <ol className="stack bulk-list">
                {bulks.map((bulk) => (
                  <Bulk
                    key={bulk.bulk_id}
                    bulk={bulk}
                    isMarked={bulk.bulk_id === id}
                    onUndo={setUndoing}
                  />
                ))}
              </ol>
            </WithSidePanel>
          );
        }}
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
  const now = useNow();
  return (
    <li className={isMarked ? "panel bulk is-marked" : "panel bulk"}>
      <div className="row wrap">
        <Link to="/bulk-actions" search={{ id: bulk.bulk_id }}>
          <strong>{BULK_LABEL[bulk.action]}</strong>
        </Link>
        <Badge tone={BULK_TONE[bulk.state]}>{bulk.state}</Badge>
        <span className="grow clip">
          {bulk.q === null ? (
            formatCountOf(bulk.total, "chosen task")
          ) : (
            <Link to="/tasks" search={{ q: bulk.q }}>
              <code>{bulk.q}</code>
            </Link>
          )}
        </span>
        {canAct && canUndo(bulk) && (
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
      <p>
        {progressText(bulk)} <span className="muted small">{paceText(bulk, now)}</span>
      </p>
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
  const preview = useQuery(undoPreviewQuery(useApi(), bulk.bulk_id));
  const count = preview.data?.undoable;
  return (
    <ConfirmDialog
      title="Take it back"
      action={count === undefined ? "Undo" : `Undo ${formatCount(count)}`}
      reason="none"
      onClose={onClose}
      onConfirm={async () => {
        if (count === 0 && bulk.state !== "running")
          throw new Error("Nothing is left to take back.");
        await undo.mutateAsync(bulk.bulk_id);
        notify("It is being taken back");
      }}
    >
      <QueryRegion query={preview}>{(data) => <Outlook bulk={bulk} preview={data} />}</QueryRegion>
    </ConfirmDialog>
  );
}

function Outlook({ bulk, preview }: { bulk: BulkAction; preview: UndoPreview }) {
  const { back, stay } = undoText(bulk, preview);
  const { gone_on_ids: ids } = preview;
  return (
    <div className="stack">
      <p>{back}</p>
      {stay.map((text) => (
        <p key={text} className="muted">
          {text}
        </p>
      ))}
      {ids.length > 0 && (
        <p>
          <Link to="/tasks" search={{ q: `id:${ids.slice(0, LINKED_MAX).join(",")}` }}>
            See those that have gone on
          </Link>
        </p>
      )}
    </div>
  );
}

/** As many ids as an address takes without harm. */
const LINKED_MAX = 40;
