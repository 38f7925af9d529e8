/** An action on many tasks: first what it would do, then why, then it begins in the background. */
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { messageOf, useApi } from "../api/api.tsx";
import {
  bulkPreviewQuery,
  type BulkPreviewRequest,
  useStartBulk,
  useUndoBulk,
} from "../api/bulk.ts";
import { queueNamesQuery } from "../api/names.ts";
import { formatCount, formatCounted } from "../format/quantity.ts";
import { BULK_LABEL, BULK_MEANING, BULK_PAST, type BulkVerb } from "./bulk.model.ts";
import { ConfirmDialog } from "./Dialog.tsx";
import { QueryRegion } from "./states.tsx";
import { useNotify } from "./Toasts.tsx";

export type BulkSelection = BulkPreviewRequest["selection"];

interface BulkDialogProps {
  readonly action: BulkVerb;
  readonly selection: BulkSelection;
  /** Where a dry run has counted already, since a preview of very many ends somewhere. */
  readonly known?: number | undefined;
  /** What else there is to know, such as why these. */
  readonly note?: string | undefined;
  readonly onClose: () => void;
  readonly onStarted?: () => void;
}

export function BulkDialog({
  action,
  selection,
  known,
  note,
  onClose,
  onStarted,
}: BulkDialogProps) {
  const api = useApi();
  const [target, setTarget] = useState<{ priority?: number; queue_name?: string }>({});
  const body = { action, selection, ...target };
  const isReady = action !== "move" || Object.keys(target).length > 0;
  const preview = useQuery({ ...bulkPreviewQuery(api, body), enabled: isReady });
  const start = useStartBulk();
  const told = useBulkNotice();
  const count = known ?? preview.data?.count;
  const isAtLeast = known === undefined && preview.data?.at_least === true;
  const verb = BULK_LABEL[action];
  return (
    <ConfirmDialog
      title={`${verb} many tasks`}
      action={count === undefined || isAtLeast ? verb : `${verb} ${formatCount(count)}`}
      isDangerous={action === "cancel" || action === "discard"}
      reason="required"
      onClose={onClose}
      onConfirm={async (reason = "") => {
        if (count === 0) throw new Error("No task is in a state for it.");
        const bulk = await start.mutateAsync({ ...body, reason });
        // Of a filter the server finds its tasks later: what it began with is none.
        told(action, bulk.bulk_id, formatCounted(count ?? bulk.total, isAtLeast));
        onStarted?.();
      }}
    >
      <div className="stack">
        <p>{BULK_MEANING[action]} What has not run since can be taken back.</p>
        {note !== undefined && <p className="muted">{note}</p>}
        {action === "move" && <MoveFields onChange={setTarget} />}
        {isReady && (
          <QueryRegion query={preview}>
            {(data) => (
              <>
                <p className="bulk-count">
                  <strong>{formatCounted(count ?? data.count, isAtLeast)}</strong>{" "}
                  {count === 1 ? "task" : "tasks"} would be {BULK_PAST[action]}.
                </p>
                <ul className="bulk-names">
                  {data.by_task_name.slice(0, 8).map((each) => (
                    <li key={each.task_name} className="row">
                      <span className="grow clip">{each.task_name}</span>
                      <span className="number">{formatCount(each.count)}</span>
                    </li>
                  ))}
                </ul>
              </>
            )}
          </QueryRegion>
        )}
      </div>
    </ConfirmDialog>
  );
}

/** A toast with what began, a way to take it back, and the page that shows how far it is. */
function useBulkNotice(): (action: BulkVerb, bulkId: string, total: string) => void {
  const notify = useNotify();
  const undo = useUndoBulk();
  const navigate = useNavigate();
  return (action, bulkId, total) => {
    void navigate({ to: "/bulk-actions", search: { id: bulkId } });
    notify({
      message: `${BULK_LABEL[action]} of ${total} began`,
      action: {
        label: "Undo",
        run: () => {
          undo.mutate(bulkId, {
            onSuccess: () => {
              notify("It is being taken back");
            },
            onError: (error) => {
              notify({ message: messageOf(error), tone: "failed" });
            },
          });
        },
      },
    });
  };
}

function MoveFields(props: {
  onChange: (target: { priority?: number; queue_name?: string }) => void;
}) {
  const api = useApi();
  const { data: queues } = useQuery(queueNamesQuery(api));
  const [priority, setPriority] = useState("");
  const [queue, setQueue] = useState("");
  function change(next: { priority: string; queue: string }): void {
    setPriority(next.priority);
    setQueue(next.queue);
    props.onChange({
      ...(next.priority === "" ? {} : { priority: Number(next.priority) }),
      ...(next.queue === "" ? {} : { queue_name: next.queue }),
    });
  }
  return (
    <div className="row wrap">
      <div className="field">
        <label htmlFor="bulk-priority">Priority, higher first</label>
        <input
          id="bulk-priority"
          type="number"
          min={-32768}
          max={32767}
          step={1}
          value={priority}
          onChange={(event) => {
            change({ priority: event.target.value, queue });
          }}
        />
      </div>
      <div className="field">
        <label htmlFor="bulk-queue">Queue</label>
        <select
          id="bulk-queue"
          value={queue}
          onChange={(event) => {
            change({ priority, queue: event.target.value });
          }}
        >
          <option value="">As it is</option>
          {queues?.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </div>
    </div>
  );
}
