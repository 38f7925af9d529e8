/** The table of tasks with its states. */
import type { TaskSummary } from "@contimg/contract";
import { Link, useNavigate } from "@tanstack/react-router";
import { type ReactNode, useCallback, useMemo } from "react";

import { isMoving } from "../../api/tasks.ts";
import { DataTable } from "../../components/DataTable.tsx";
import { Instant } from "../../components/Instant.tsx";
import type { MenuItem } from "../../components/Menu.tsx";
import { EmptyState, ErrorState, Skeleton, StaleNotice } from "../../components/states.tsx";
import { formatCountOf, formatId } from "../../format/quantity.ts";
import { TASK_COLUMNS } from "./task-columns.tsx";
import { withTerm } from "./tasks.model.ts";
import { useTaskRows } from "./use-task-rows.ts";

interface TaskTableProps {
  readonly q: string;
  readonly columnIds: readonly string[];
  readonly onColumnIds: (ids: readonly string[]) => void;
  readonly selected: ReadonlySet<string>;
  readonly onSelect: (keys: ReadonlySet<string>) => void;
  readonly onFilter: (q: string) => void;
  /** Undefined: the role may not. */
  readonly onAct: ((action: "cancel" | "retry" | "move", task: TaskSummary) => void) | undefined;
  readonly head: ReactNode;
}

const keyOf = (task: TaskSummary) => task.task_id;
const nameOf = (task: TaskSummary) => `${task.task_name} ${formatId(task.task_id)}`;

export function TaskTable(props: TaskTableProps) {
  const { q, selected, onSelect } = props;
  const list = useTaskRows(q);
  const navigate = useNavigate();
  const actionsOf = useRowActions(props);
  const selection = useMemo(() => ({ keys: selected, onChange: onSelect }), [selected, onSelect]);
  const open = useCallback(
    (task: TaskSummary) =>
      void navigate({ to: "/tasks/$taskId", params: { taskId: task.task_id } }),
    [navigate],
  );
  if (list.isLoading) return <Skeleton lines={10} />;
  if (list.rows.length === 0) {
    if (list.error) return <ErrorState error={list.error} onRetry={list.retry} />;
    if (list.searchedTo !== undefined) {
      return (
        <EmptyState title="No task fits so far.">
          Searched back to <Instant at={list.searchedTo} />…
        </EmptyState>
      );
    }
    return (
      <EmptyState title={q === "" ? "There are no tasks yet." : "No task fits this filter."}>
        {q === "" ? (
          <>
            <Link to="/spawn">Spawn one</Link>, or start a worker.
          </>
        ) : (
          <>
            Press / to change it, or{" "}
            <Link to="/tasks" search={{}}>
              show all tasks
            </Link>
            .
          </>
        )}
      </EmptyState>
    );
  }
  return (
    <>
      {list.error && <StaleNotice since={list.readAt} error={list.error} />}
      <DataTable
        name="tasks"
        label="Tasks"
        isMain
        columns={TASK_COLUMNS}
        rows={list.rows}
        keyOf={keyOf}
        nameOf={nameOf}
        onOpen={open}
        selection={selection}
        actionsOf={actionsOf}
        columnIds={props.columnIds}
        onColumnIds={props.onColumnIds}
        onEndReached={list.loadMore}
        head={
          <>
            {props.head}
            {list.hasGap && (
              <button className="small" onClick={list.startAnew}>
                Many new tasks: show them
              </button>
            )}
          </>
        }
        foot={<Foot {...list} />}
      />
    </>
  );
}

function Foot({ rows, hasMore, searchedTo }: ReturnType<typeof useTaskRows>) {
  if (searchedTo !== undefined) {
    return (
      <>
        Searched back to <Instant at={searchedTo} />…
      </>
    );
  }
  return hasMore ? "More is being read…" : `${formatCountOf(rows.length, "task")}, all`;
}

function useRowActions({ q, onFilter, onAct }: TaskTableProps) {
  const navigate = useNavigate();
  return useCallback(
    (task: TaskSummary): (MenuItem | null)[] => {
      const filter = (field: string, value: string): MenuItem => ({
        label: `Only ${field} ${value}`,
        run: () => {
          onFilter(withTerm(q, field, value));
        },
      });
      const items: (MenuItem | null)[] = [
        filter("name", task.task_name),
        ...(task.error_tag ? [filter("error", task.error_tag)] : []),
        ...(task.worker_id ? [filter("worker", task.worker_id)] : []),
        {
          label: "Copy the id",
          run: () => void navigator.clipboard.writeText(task.task_id),
        },
      ];
      if (!onAct) return items;
      const act = (label: string, action: "cancel" | "retry" | "move") => ({
        label,
        isDangerous: action === "cancel",
        run: () => {
          onAct(action, task);
        },
      });
      items.push(null, {
        label: "Spawn again…",
        run: () =>
          void navigate({
            to: "/tasks/$taskId",
            params: { taskId: task.task_id },
            search: { dialog: "respawn" },
          }),
      });
      if (!isMoving(task) && task.status !== "completed") items.push(act("Retry…", "retry"));
      if (task.status === "pending" || task.status === "retrying") {
        items.push(act("Move…", "move"));
      }
      if (isMoving(task)) items.push(act("Cancel…", "cancel"));
      return items;
    },
    [navigate, q, onFilter, onAct],
  );
}
