/** Tasks: filter, counts, the table, actions on many. All of its state is in the address. */
import type { TaskSummary } from "@contimg/contract";
import { Link, useNavigate } from "@tanstack/react-router";
import { useCallback, useMemo, useState } from "react";

import { BulkDialog, type BulkSelection } from "../../components/BulkDialog.tsx";
import type { BulkVerb } from "../../components/bulk.model.ts";
import { FilterBar } from "../../components/FilterBar.tsx";
import { Page } from "../../components/Page.tsx";
import { CancelDialog, MoveDialog, RetryDialog } from "../../components/TaskDialogs.tsx";
import { useTaskFilterLanguage } from "../../components/task-filter-language.ts";
import { useMay } from "../../session/session.tsx";
import { BulkActions } from "./BulkActions.tsx";
import { SavedViews } from "./SavedViews.tsx";
import { StatusCounts } from "./StatusCounts.tsx";
import { TaskTable } from "./TaskTable.tsx";
import { tasksRoute } from "./route.ts";
import "./tasks.css";

type OneTask = { readonly action: "cancel" | "retry" | "move"; readonly task: TaskSummary };
type ManyTasks = { readonly action: BulkVerb; readonly selection: BulkSelection };

export function TasksPage() {
  const { q, cols } = tasksRoute.useSearch();
  const navigate = useNavigate({ from: "/tasks" });
  const canAct = useMay("operator");
  const language = useTaskFilterLanguage();
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [one, setOne] = useState<OneTask>();
  const [many, setMany] = useState<ManyTasks>();
  const apply = useCallback(
    (next: string) => {
      setSelected(new Set());
      void navigate({ search: (search) => ({ ...search, q: next }) });
    },
    [navigate],
  );
  const columnIds = useMemo(() => cols.split(",").filter(Boolean), [cols]);
  const act = useCallback((action: OneTask["action"], task: TaskSummary) => {
    setOne({ action, task });
  }, []);

  return (
    <Page
      title="Tasks"
      isFull
      actions={
        <>
          <SavedViews
            q={q}
            columnIds={columnIds}
            onOpen={(view) =>
              void navigate({ search: { q: view.q, cols: view.columns.join(",") } })
            }
          />
          {canAct && (
            <Link to="/spawn" className="button primary">
              Spawn
            </Link>
          )}
        </>
      }
    >
      <div className="tasks-filter">
        <FilterBar
          label="Filter tasks"
          placeholder="status:failed name:imaging age>2h -tag:test"
          value={q}
          onApply={apply}
          language={language}
        />
        <StatusCounts q={q} onChange={apply} />
      </div>
      <TaskTable
        q={q}
        columnIds={columnIds}
        onColumnIds={(ids) =>
          void navigate({
            search: (search) => ({ ...search, cols: ids.join(",") }),
            replace: true,
          })
        }
        selected={selected}
        onSelect={setSelected}
        onFilter={apply}
        onAct={canAct ? act : undefined}
        head={
          canAct && (
            <BulkActions
              q={q}
              selected={selected}
              onAct={(action, selection) => {
                setMany({ action, selection });
              }}
              onClear={() => {
                setSelected(new Set());
              }}
            />
          )
        }
      />
      {one && (
        <OneTaskDialog
          {...one}
          onClose={() => {
            setOne(undefined);
          }}
        />
      )}
      {many && (
        <BulkDialog
          {...many}
          onStarted={() => {
            setSelected(new Set());
          }}
          onClose={() => {
            setMany(undefined);
          }}
        />
      )}
    </Page>
  );
}

function OneTaskDialog({ action, task, onClose }: OneTask & { onClose: () => void }) {
  if (action === "cancel") return <CancelDialog task={task} onClose={onClose} />;
  if (action === "retry") return <RetryDialog task={task} onClose={onClose} />;
  return <MoveDialog task={task} onClose={onClose} />;
}
