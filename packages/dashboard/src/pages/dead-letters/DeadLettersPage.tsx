/** Dead letters: a table as long as it may be; some or all that fit get a new start, or none. */
import { type DeadLetter, parseDeadLetterFilter } from "@contimg/contract";
import { Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";

import type { DeadLetterFilter } from "../../api/dead-letters.ts";
import { FilterBar, type FilterLanguage } from "../../components/FilterBar.tsx";
import { Page } from "../../components/Page.tsx";
import { SavedViews } from "../../components/SavedViews.tsx";
import { EmptyState } from "../../components/states.tsx";
import { useTaskFilterLanguage } from "../../components/task-filter-language.ts";
import { useMay } from "../../session/session.tsx";
import { withTerm } from "../tasks/tasks.model.ts";
import { type DeadLetterAction, DeadLettersDialog } from "./DeadLettersDialog.tsx";
import { DeadLetterTable } from "./DeadLetterTable.tsx";
import { deadLettersRoute } from "./route.ts";
import "./dead-letters.css";

export function DeadLettersPage() {
  const search = deadLettersRoute.useSearch();
  const navigate = deadLettersRoute.useNavigate();
  const language = useDeadLetterLanguage();
  const { q, fingerprint } = search;
  // What "-2h" counts from stays while the filter does: else every look asks for another list.
  const read = useMemo(() => parseDeadLetterFilter(q, new Date()), [q]);
  const change = (next: Partial<typeof search>) =>
    void navigate({ search: { ...search, ...next } });
  return (
    <Page
      title="Dead letters"
      isFull
      actions={
        <SavedViews
          view={{
            page: "dead-letters",
            terms: { q, fingerprint },
            columns: search.cols.split(",").filter(Boolean),
          }}
          onOpen={({ terms, columns }) => {
            change({
              q: terms.q ?? "",
              fingerprint: terms.fingerprint ?? "",
              cols: columns.join(","),
            });
          }}
        />
      }
    >
      <div className="dead-letters-filter">
        <FilterBar
          label="Filter dead letters"
          placeholder="name:imaging error:OutOfMemory ended>-12h"
          value={q}
          language={language}
          onApply={(next) => {
            change({ q: next });
          }}
        />
        {fingerprint !== "" && (
          <p className="row wrap small">
            <span>
              Only of{" "}
              <Link to="/failures" search={{ state: "all", group: fingerprint }}>
                one group of failures
              </Link>
            </span>
            <button
              className="plain small"
              onClick={() => {
                change({ fingerprint: "" });
              }}
            >
              Show those of all
            </button>
          </p>
        )}
      </div>
      {read.faults ? (
        <EmptyState title="The filter cannot be read">
          {read.faults.map((fault) => fault.message).join("; ")}
        </EmptyState>
      ) : (
        <Letters
          filter={fingerprint === "" ? read.filter : { ...read.filter, fingerprint }}
          isFiltered={q + fingerprint !== ""}
        />
      )}
    </Page>
  );
}

interface Asked {
  readonly action: DeadLetterAction;
  readonly filter: DeadLetterFilter;
}

function Letters(props: { filter: Omit<DeadLetterFilter, "task_ids">; isFiltered: boolean }) {
  const { filter, isFiltered } = props;
  const search = deadLettersRoute.useSearch();
  const navigate = deadLettersRoute.useNavigate();
  const canAct = useMay("operator");
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [asked, setAsked] = useState<Asked>();
  const narrow = (letter: DeadLetter, by: "name" | "error" | "group") => {
    const next =
      by === "group"
        ? { fingerprint: letter.fingerprint ?? "" }
        : { q: withTerm(search.q, by, by === "name" ? letter.task_name : letter.error.tag) };
    void navigate({ search: { ...search, ...next } });
  };
  return (
    <>
      <DeadLetterTable
        filter={filter}
        isFiltered={isFiltered}
        canAct={canAct}
        selected={selected}
        onSelect={setSelected}
        onNarrow={narrow}
        onAct={(action, taskIds) => {
          setAsked({ action, filter: taskIds ? { task_ids: [...taskIds] } : filter });
        }}
      />
      {asked && (
        <DeadLettersDialog
          {...asked}
          onStarted={() => {
            setSelected(new Set());
          }}
          onClose={() => {
            setAsked(undefined);
          }}
        />
      )}
    </>
  );
}

/** The grammar of tasks; what dead letters have no field for is a fault here. */
function useDeadLetterLanguage(): FilterLanguage {
  const tasks = useTaskFilterLanguage();
  return useMemo(
    () => ({
      faultsOf: (text) => parseDeadLetterFilter(text, new Date()).faults ?? [],
      complete: tasks.complete,
    }),
    [tasks],
  );
}
