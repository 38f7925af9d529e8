/** Order of rows by a column, for lists that are here as a whole. */
import { useState } from "react";

import type { Column } from "./DataTable.tsx";

export interface Sort {
  readonly by: string;
  readonly descending: boolean;
}

type SetSort = (sort: Sort | undefined) => void;

/** The page's, when it keeps one; else the table's own. */
export function useSort(given: Sort | undefined, onSort: SetSort | undefined) {
  const [own, setOwn] = useState<Sort>();
  return onSort ? ([given, onSort] as const) : ([own, setOwn as SetSort] as const);
}

/** Nulls last, both ways: what is not known is never the first to look at. */
export function sortRows<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  sort: Sort | undefined,
): readonly Row[] {
  const value = columns.find((column) => column.id === sort?.by)?.sortValue;
  if (!sort || !value) return rows;
  const sign = sort.descending ? -1 : 1;
  return rows
    .map((row) => ({ row, value: value(row) }))
    .sort((a, b) => {
      if (a.value === null || b.value === null)
        return Number(a.value === null) - Number(b.value === null);
      return sign * compare(a.value, b.value);
    })
    .map(({ row }) => row);
}

function compare(a: string | number, b: string | number): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}

export function SortButton<Row>(props: {
  column: Column<Row>;
  sort: Sort | undefined;
  onSort: SetSort;
}) {
  const { column, sort, onSort } = props;
  const isOn = sort?.by === column.id;
  return (
    <button
      className="sort-button"
      onClick={() => {
        if (!isOn) onSort({ by: column.id, descending: false });
        else if (!sort.descending) onSort({ by: column.id, descending: true });
        else onSort(undefined);
      }}
    >
      {column.header}
      <span aria-hidden="true">{isOn ? (sort.descending ? "▼" : "▲") : ""}</span>
    </button>
  );
}
