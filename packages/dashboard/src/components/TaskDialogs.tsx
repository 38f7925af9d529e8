/** The questions before a task is cancelled, retried, moved or spawned again. */
import type { Task, TaskSummary } from "@contimg/contract";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { useTaskActions } from "../api/task-actions.ts";
import { formatId } from "../format/quantity.ts";
import { ConfirmDialog } from "./Dialog.tsx";
import { JsonEditor, parseJson } from "./JsonEditor.tsx";
import { useNotify } from "./Toasts.tsx";

interface TaskDialogProps<T = TaskSummary> {
  readonly task: T;
  readonly onClose: () => void;
}

export function CancelDialog({ task, onClose }: TaskDialogProps) {
  const { cancel } = useTaskActions();
  const notify = useNotify();
  return (
    <ConfirmDialog
      title={`Cancel ${task.task_name}`}
      action="Cancel the task"
      isDangerous
      onClose={onClose}
      onConfirm={async (reason) => {
        const { what } = await cancel.mutateAsync({ taskId: task.task_id, reason });
        notify(what === "cancelled" ? "Cancelled" : "Its worker was told to end it");
      }}
    >
      <p>
        {task.status === "claimed"
          ? `It runs on ${task.worker_id ?? "a worker"}, which is told to end it.`
          : "It ends now, and what depends on it learns of it."}
      </p>
    </ConfirmDialog>
  );
}

/** @param fromStep what came before it is replayed, not done again */
export function RetryDialog({
  task,
  fromStep,
  onClose,
}: TaskDialogProps & { fromStep?: string | undefined }) {
  const { retry } = useTaskActions();
  const notify = useNotify();
  return (
    <ConfirmDialog
      title={fromStep ? `Rerun from ${fromStep}` : `Retry ${task.task_name}`}
      action={fromStep ? "Rerun from here" : "Retry"}
      onClose={onClose}
      onConfirm={async (reason) => {
        await retry.mutateAsync({
          taskId: task.task_id,
          body: {
            ...(fromStep ? { from_step: fromStep } : {}),
            ...(reason === undefined ? {} : { reason }),
          },
        });
        notify("A new start was given");
      }}
    >
      <p>
        {fromStep
          ? "Steps before it keep their results; this one and those after it are done again."
          : "It begins again with all its attempts; steps that were done keep their results."}
      </p>
    </ConfirmDialog>
  );
}

export function RespawnDialog({ task, onClose }: TaskDialogProps<Task>) {
  const { respawn } = useTaskActions();
  const notify = useNotify();
  const navigate = useNavigate();
  const [text, setText] = useState(() => JSON.stringify(task.params, null, 2));
  return (
    <ConfirmDialog
      title={`Spawn ${task.task_name} again`}
      action="Spawn"
      onClose={onClose}
      onConfirm={async (reason) => {
        const { task_id: taskId } = await respawn.mutateAsync({
          taskId: task.task_id,
          body: { params: parseJson(text), ...(reason === undefined ? {} : { reason }) },
        });
        notify(`Spawned ${formatId(taskId)}`);
        void navigate({ to: "/tasks/$taskId", params: { taskId } });
      }}
    >
      <div className="stack">
        <p>A new task like this one. Its params may be changed; this task stays as it is.</p>
        <JsonEditor label="Params" text={text} onChange={setText} />
      </div>
    </ConfirmDialog>
  );
}

export function MoveDialog({ task, onClose }: TaskDialogProps) {
  const { move } = useTaskActions();
  const notify = useNotify();
  const [priority, setPriority] = useState(String(task.priority));
  const [queue, setQueue] = useState(task.queue_name);
  return (
    <ConfirmDialog
      title={`Move ${task.task_name}`}
      action="Move"
      onClose={onClose}
      onConfirm={async (reason) => {
        const body = {
          ...(queue === task.queue_name ? {} : { queue_name: queue }),
          ...(Number(priority) === task.priority ? {} : { priority: Number(priority) }),
          ...(reason === undefined ? {} : { reason }),
        };
        await move.mutateAsync({ taskId: task.task_id, body });
        notify("Moved");
      }}
    >
      <div className="stack">
        <div className="field">
          <label htmlFor="move-queue">Queue</label>
          <input
            id="move-queue"
            required
            value={queue}
            onChange={(event) => {
              setQueue(event.target.value);
            }}
          />
        </div>
        <div className="field">
          <label htmlFor="move-priority">Priority, higher first</label>
          <input
            id="move-priority"
            type="number"
            required
            min={-32768}
            max={32767}
            value={priority}
            onChange={(event) => {
              setPriority(event.target.value);
            }}
          />
        </div>
      </div>
    </ConfirmDialog>
  );
}
