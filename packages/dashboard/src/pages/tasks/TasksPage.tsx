/** Tasks: filter, counts, the table, actions on many. All of its state is in the address. */
import { Link } from "@tanstack/react-router";
import { useCallback, useMemo, useState } from "react";

import { FilterBar } from "../../components/FilterBar.tsx";
import { Page } from "../../components/Page.tsx";
import { SavedViews } from "../../components/SavedViews.tsx";
import { useTaskFilterLanguage } from "../../components/task-filter-language.ts";
import { useMay } from "../../session/session.tsx";
import { BulkActions } from "./BulkActions.tsx";
import { StatusCounts } from "./StatusCounts.tsx";
import { TaskTable } from "./TaskTable.tsx";
import { tasksRoute } from "./route.ts";
import { useTaskDialogs } from "./use-task-dialogs.tsx";
import "./tasks.css";

const NOTHING: ReadonlySet<string> = new Set();

export function TasksPage() {
  const { q, columnIds, open, filterBy, showColumns } = useAddress();
  const canAct = useMay("operator");
  const [selected, setSelected] = useState(NOTHING);
  const selectNothing = useCallback(() => {
    setSelected(NOTHING);
  }, []);
  const dialogs = useTaskDialogs(selectNothing);
  const apply = useCallback(
    (next: string) => {
      selectNothing();
      filterBy(next);
    },
    [selectNothing, filterBy],
  );
  return (
    <Page
      title="Tasks"
      isFull
      actions={
        <>
          <SavedViews
            view={{ page: "tasks", terms: { q }, columns: columnIds }}
            onOpen={(view) => {
              selectNothing();
              open(view.terms.q ?? "", view.columns);
            }}
          />
          {canAct && (
            <Link to="/spawn" className="button primary">
              Spawn
            </Link>
          )}
        </>
      }
    >
      <Filter q={q} onApply={apply} />
      <TaskTable
        q={q}
        columnIds={columnIds}
        onColumnIds={showColumns}
        selected={selected}
        onSelect={setSelected}
        onFilter={apply}
        onAct={canAct ? dialogs.askOne : undefined}
        head={
          canAct && (
            <BulkActions
              q={q}
              selected={selected}
              onAct={dialogs.askMany}
              onClear={selectNothing}
            />
          )
        }
      />
      {dialogs.dialog}
    </Page>
  );
}

function Filter({ q, onApply }: { q: string; onApply: (q: string) => void }) {
  return (
    <div className="tasks-filter">
      <FilterBar
        label="Filter tasks"
        placeholder="status:failed name:imaging age>2h -tag:test"
        value={q}
        onApply={onApply}
        language={useTaskFilterLanguage()}
      />
      <StatusCounts q={q} onChange={onApply} />
    </div>
  );
}

/** What the address says, and ways to another. */
function useAddress() {
  const { q, cols } = tasksRoute.useSearch();
  const navigate = tasksRoute.useNavigate();
  const columnIds = useMemo(() => cols.split(",").filter(Boolean), [cols]);
  const open = (next: string, columns: readonly string[]) =>
    void navigate({ search: { q: next, cols: columns.join(",") } });
  const filterBy = useCallback(
    (next: string) => void navigate({ search: (search) => ({ ...search, q: next }) }),
    [navigate],
  );
  const showColumns = useCallback(
    (ids: readonly string[]) =>
      void navigate({ search: (search) => ({ ...search, cols: ids.join(",") }), replace: true }),
    [navigate],
  );
  return { q, columnIds, open, filterBy, showColumns };
}
