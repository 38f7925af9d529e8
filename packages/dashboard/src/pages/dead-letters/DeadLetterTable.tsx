/** The table of dead letters, oldest first, page after page as it is scrolled. */
import { useInfiniteQuery } from "@tanstack/react-query";
import type { DeadLetter } from "@contimg/contract";
import { Link, useNavigate } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";

import { useApi } from "../../api/api.tsx";
import {
  type DeadLetterFilter,
  deadLetterPagesQuery,
  useForgetDeadLetters,
} from "../../api/dead-letters.ts";
import { type Column, DataTable } from "../../components/DataTable.tsx";
import { Instant } from "../../components/Instant.tsx";
import { Menu, type MenuItem } from "../../components/Menu.tsx";
import { EmptyState, ErrorState, Skeleton, StaleNotice } from "../../components/states.tsx";
import { formatCount, formatCountOf, formatId } from "../../format/quantity.ts";
import type { DeadLetterAction } from "./DeadLettersDialog.tsx";
import { deadLettersRoute } from "./route.ts";

interface DeadLetterTableProps {
  readonly filter: Omit<DeadLetterFilter, "task_ids">;
  readonly isFiltered: boolean;
  readonly canAct: boolean;
  readonly selected: ReadonlySet<string>;
  readonly onSelect: (keys: ReadonlySet<string>) => void;
  readonly onNarrow: (letter: DeadLetter, by: "name" | "error" | "group") => void;
  /** undefined: all that fit. */
  readonly onAct: (action: DeadLetterAction, taskIds: Iterable<string> | undefined) => void;
}

const keyOf = (letter: DeadLetter) => letter.task_id;
const nameOf = (letter: DeadLetter) => `${letter.task_name} ${formatId(letter.task_id)}`;

export function DeadLetterTable(props: DeadLetterTableProps) {
  const { filter, isFiltered, canAct, selected, onSelect } = props;
  const pages = useInfiniteQuery(deadLetterPagesQuery(useApi(), filter));
  const { cols } = deadLettersRoute.useSearch();
  const navigate = useNavigate({ from: "/dead-letters" });
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = pages;
  const rows = useMemo(
    () => pages.data?.pages.flatMap((page) => page.dead_letters) ?? [],
    [pages.data],
  );
  const selection = useMemo(() => ({ keys: selected, onChange: onSelect }), [selected, onSelect]);
  const loadMore = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  const open = useCallback(
    ({ task_id: taskId }: DeadLetter) =>
      void navigate({ to: "/tasks/$taskId", params: { taskId } }),
    [navigate],
  );
  if (!pages.data) {
    if (!pages.error) return <Skeleton lines={10} />;
    return <ErrorState error={pages.error} onRetry={() => void pages.refetch()} />;
  }
  if (rows.length === 0) {
    return (
      <EmptyState title={isFiltered ? "No dead letter fits" : "No dead letters"}>
        {isFiltered ? (
          <>
            Press / to change the filter, or{" "}
            <Link to="/dead-letters" search={{}}>
              show all
            </Link>
            .
          </>
        ) : (
          "No task has failed for good. Those that do wait here to be replayed or discarded."
        )}
      </EmptyState>
    );
  }
  return (
    <>
      {pages.error && <StaleNotice since={new Date(pages.dataUpdatedAt)} error={pages.error} />}
      <DataTable
        name="dead-letters"
        label="Dead letters"
        isMain
        columns={COLUMNS}
        rows={rows}
        keyOf={keyOf}
        nameOf={nameOf}
        onOpen={open}
        {...(canAct ? { selection } : {})}
        actionsOf={(letter) => rowActions(letter, props)}
        columnIds={cols === "" ? [] : cols.split(",")}
        onColumnIds={(ids) =>
          void navigate({
            search: (search) => ({ ...search, cols: ids.join(",") }),
            replace: true,
          })
        }
        onEndReached={loadMore}
        head={
          <>
            {canAct && <ManyActions {...props} />}
            {pages.data.pages.length > 1 && <ReadAnew readAt={pages.dataUpdatedAt} />}
          </>
        }
        foot={
          hasNextPage ? "More is being read…" : `${formatCountOf(rows.length, "dead letter")}, all`
        }
      />
    </>
  );
}

function ReadAnew({ readAt }: { readAt: number }) {
  const forget = useForgetDeadLetters();
  return (
    <span className="row small muted">
      read <Instant at={new Date(readAt)} ago />
      <button className="plain small" onClick={() => void forget()}>
        Read anew
      </button>
    </span>
  );
}

function ManyActions({ selected, onSelect, onAct }: DeadLetterTableProps) {
  const items = (taskIds: Iterable<string> | undefined): MenuItem[] =>
    ACTIONS.map(({ action, label }) => ({
      label,
      isDangerous: action === "discard",
      run: () => {
        onAct(action, taskIds);
      },
    }));
  if (selected.size === 0) return <Menu label="All that fit ▾" items={items(undefined)} />;
  return (
    <>
      <strong>{formatCount(selected.size)} selected</strong>
      <Menu className="primary" label="Actions ▾" items={items(selected)} />
      <button
        className="plain"
        onClick={() => {
          onSelect(new Set());
        }}
      >
        Select nothing
      </button>
    </>
  );
}

const ACTIONS: readonly { readonly action: DeadLetterAction; readonly label: string }[] = [
  { action: "replay", label: "Replay…" },
  { action: "patch", label: "Replay with other params…" },
  { action: "discard", label: "Discard…" },
];

function rowActions(
  letter: DeadLetter,
  { canAct, onNarrow, onAct }: DeadLetterTableProps,
): (MenuItem | null)[] {
  const narrow = (label: string, by: "name" | "error" | "group"): MenuItem => ({
    label,
    run: () => {
      onNarrow(letter, by);
    },
  });
  return [
    ...(canAct
      ? [
          ...ACTIONS.map(({ action, label }) => ({
            label,
            isDangerous: action === "discard",
            run: () => {
              onAct(action, [letter.task_id]);
            },
          })),
          null,
        ]
      : []),
    narrow(`Only name ${letter.task_name}`, "name"),
    narrow(`Only error ${letter.error.tag}`, "error"),
    ...(letter.fingerprint === null ? [] : [narrow("Only failures like it", "group")]),
  ];
}

const COLUMNS: readonly Column<DeadLetter>[] = [
  {
    id: "task",
    header: "Task",
    width: 170,
    isEssential: true,
    cell: (letter) => (
      <Link to="/tasks/$taskId" params={{ taskId: letter.task_id }}>
        {letter.task_name}
      </Link>
    ),
  },
  {
    id: "error",
    header: "Error",
    width: 150,
    isEssential: true,
    cell: (letter) => letter.error.tag,
  },
  {
    id: "class",
    header: "Class",
    width: 96,
    isExtra: true,
    cell: (letter) => letter.error.class,
  },
  {
    id: "message",
    header: "Message",
    width: 200,
    grows: true,
    cell: (letter) => <span title={letter.error.message}>{letter.error.message}</span>,
  },
  {
    id: "params",
    header: "Params",
    width: 180,
    grows: true,
    cell: (letter) => {
      const text = JSON.stringify(letter.params);
      return (
        <code className="small" title={text.slice(0, 1000)}>
          {text.slice(0, 200)}
        </code>
      );
    },
  },
  {
    id: "failed",
    header: "Died",
    width: 100,
    cell: (letter) => <Instant at={letter.failed_at} ago />,
  },
  {
    id: "attempt",
    header: "Attempts",
    width: 88,
    align: "right",
    cell: (letter) => formatCount(letter.attempt),
  },
  { id: "queue", header: "Queue", width: 110, cell: (letter) => letter.queue_name },
  {
    id: "id",
    header: "Id",
    width: 130,
    isExtra: true,
    cell: (letter) => <code title={letter.task_id}>{formatId(letter.task_id)}</code>,
  },
  {
    id: "created",
    header: "Spawned",
    width: 100,
    isExtra: true,
    cell: (letter) => <Instant at={letter.created_at} ago />,
  },
  {
    id: "correlation",
    header: "Correlation",
    width: 130,
    isExtra: true,
    cell: (letter) => letter.correlation_id,
  },
  {
    id: "tags",
    header: "Tags",
    width: 130,
    isExtra: true,
    cell: (letter) => letter.tags.join(", "),
  },
];
