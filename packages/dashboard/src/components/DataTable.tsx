/**
 * The table of every page: 10^5 rows at ease, since only those in sight are in the document;
 * columns to choose, keys, selection, actions of a row. Rows are the page's; TanStack Table keeps
 * the columns.
 */
import {
  columnOrderingFeature,
  columnVisibilityFeature,
  tableFeatures,
  useTable,
} from "@tanstack/react-table";
import { defaultRangeExtractor, type Range, useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useCallback, useEffect, useId, useMemo, useRef, useState } from "react";

import { type Density, useSettings } from "../settings/settings.ts";
import { ColumnChooser, useShownColumns } from "./ColumnChooser.tsx";
import type { MenuItem } from "./Menu.tsx";
import { RowSlots } from "./row-slots.ts";
import { type Sort, SortButton, sortRows, useSort } from "./table-sort.tsx";
import { TableRow } from "./TableRow.tsx";
import { useTableKeys } from "./table-keys.ts";
import { useIsNarrow } from "./width.ts";
import "./DataTable.css";

export interface Column<Row> {
  readonly id: string;
  readonly header: string;
  /** Pixels, at least; columns that grow share what is left. */
  readonly width: number;
  readonly grows?: boolean;
  readonly align?: "right";
  readonly cell: (row: Row) => ReactNode;
  /** Stays at phone width, and cannot be hidden. */
  readonly isEssential?: boolean;
  /** Hidden until it is chosen. */
  readonly isExtra?: boolean;
  /** Makes the header a button. For lists that are here as a whole. */
  readonly sortValue?: (row: Row) => string | number | null;
}

export interface Selection {
  readonly keys: ReadonlySet<string>;
  readonly onChange: (keys: ReadonlySet<string>) => void;
}

export interface DataTableProps<Row> {
  /** Under which the chosen columns are kept: "tasks". */
  readonly name: string;
  /** Said aloud: "Tasks". */
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  /** What a row is called when it is read aloud; its key when left out. */
  readonly nameOf?: (row: Row) => string;
  /** Enter, or a double click. Give the first column a link that does the same. */
  readonly onOpen?: (row: Row) => void;
  readonly selection?: Selection;
  readonly actionsOf?: (row: Row) => readonly (MenuItem | null)[];
  /** Its keys work wherever the focus is. One a page. */
  readonly isMain?: boolean;
  /** Called when the last rows come into sight. */
  readonly onEndReached?: () => void;
  /** Below the last row. */
  readonly foot?: ReactNode;
  /** Before the chooser of columns, such as "12 of 340". */
  readonly head?: ReactNode;
  /** Columns by id, in place of those kept in this browser: of a saved view. */
  readonly columnIds?: readonly string[];
  readonly onColumnIds?: (ids: readonly string[]) => void;
  /** Of the page's address; the table's own when left out. */
  readonly sort?: Sort | undefined;
  readonly onSort?: (sort: Sort | undefined) => void;
  /** As high as its rows, up to this many pixels; else it fills its parent. */
  readonly heightMax?: number;
}

/** As theme.css has them. */
const ROW_HEIGHT: Readonly<Record<Density, number>> = { comfortable: 34, compact: 26 };
/** As wide as a finger. */
const ROW_HEIGHT_NARROW = 44;

const CHECK_WIDTH = 36;
const ACTIONS_WIDTH = 40;

/** Out of sight, on either side: they are there before they are scrolled to. */
const OVERSCAN_ROWS = 6;

const features = tableFeatures({ columnVisibilityFeature, columnOrderingFeature });
const NO_ROWS: never[] = [];

export function DataTable<Row>(props: DataTableProps<Row>) {
  const { columns, keyOf, label, selection, actionsOf, heightMax } = props;
  const [sort, setSort] = useSort(props.sort, props.onSort);
  const rows = useMemo(() => sortRows(props.rows, columns, sort), [props.rows, columns, sort]);
  const scroller = useRef<HTMLDivElement>(null);
  const isNarrow = useIsNarrow();
  const { density } = useSettings();
  const rowHeight = isNarrow ? ROW_HEIGHT_NARROW : ROW_HEIGHT[density];
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: OVERSCAN_ROWS,
    rangeExtractor: useRowsToDraw(),
  });
  useEffect(() => {
    virtualizer.measure();
  }, [virtualizer, rowHeight]);
  const id = useId();
  const chosen = useShownColumns(props);
  const shown = useVisibleColumns(columns, chosen.ids);
  const keys = useTableKeys({ ...props, rows, scrollTo: virtualizer.scrollToIndex });
  const items = virtualizer.getVirtualItems();
  const drawn = useSlots(items.map((item) => keyOf(rows[item.index]!)));
  useEndReached(items.at(-1)?.index ?? -1, rows.length, props.onEndReached);
  const before = items[0]?.start ?? 0;
  const after = virtualizer.getTotalSize() - (items.at(-1)?.end ?? 0);
  const columnCount = shown.length + (selection ? 1 : 0) + (actionsOf ? 1 : 0);
  const ends = (selection ? CHECK_WIDTH : 0) + (actionsOf ? ACTIONS_WIDTH : 0);
  const width = shown.reduce((sum, column) => sum + column.width, ends);

  return (
    <section className="data-table" aria-label={label}>
      <div className="data-table-head">
        <div className="grow row wrap">{props.head}</div>
        <ColumnChooser columns={columns} shown={chosen.ids} onChange={chosen.change} />
      </div>
      <div
        ref={scroller}
        className="data-table-scroll"
        style={heightMax === undefined ? {} : { maxHeight: heightMax, flex: "none" }}
      >
        <table
          role="grid"
          tabIndex={0}
          aria-label={label}
          aria-rowcount={rows.length + 1}
          aria-multiselectable={selection ? true : undefined}
          aria-activedescendant={keys.active >= 0 ? `${id}-${keys.active}` : undefined}
          style={{ minWidth: isNarrow ? 0 : width }}
          onKeyDown={keys.onKeyDown}
        >
          <Columns
            columns={shown}
            isNarrow={isNarrow}
            hasSelection={!!selection}
            hasActions={!!actionsOf}
          />
          <thead>
            <tr aria-rowindex={1}>
              {selection && <SelectAll rows={rows} keyOf={keyOf} selection={selection} />}
              {shown.map((column) => (
                <th
                  key={column.id}
                  scope="col"
                  className={column.align === "right" ? "number" : undefined}
                  aria-sort={ariaSort(sort, column.id)}
                >
                  {column.sortValue ? (
                    <SortButton column={column} sort={sort} onSort={setSort} />
                  ) : (
                    column.header
                  )}
                </th>
              ))}
              {actionsOf && (
                <th scope="col">
                  <span className="hidden-text">Actions</span>
                </th>
              )}
            </tr>
          </thead>
          <tbody onFocus={drawn.onFocus} onBlur={drawn.onBlur}>
            <Gap height={before} columns={columnCount} />
            {items.map((item, place) => {
              const row = rows[item.index]!;
              const key = keyOf(row);
              return (
                <TableRow
                  key={drawn.slots[place]}
                  id={`${id}-${item.index}`}
                  row={row}
                  rowKey={key}
                  name={props.nameOf?.(row) ?? key}
                  index={item.index}
                  columns={shown}
                  isActive={item.index === keys.active}
                  isSelected={selection ? selection.keys.has(key) : undefined}
                  onPress={keys.press}
                  onToggle={keys.toggle}
                  onOpen={props.onOpen}
                  actionsOf={actionsOf}
                />
              );
            })}
            <Gap height={after} columns={columnCount} />
          </tbody>
        </table>
        {props.foot && <div className="data-table-foot">{props.foot}</div>}
      </div>
    </section>
  );
}

/** The columns to draw, in their order: TanStack Table keeps visibility and order. */
function useVisibleColumns<Row>(
  columns: readonly Column<Row>[],
  ids: readonly string[],
): readonly Column<Row>[] {
  const isNarrow = useIsNarrow();
  const definitions = useMemo(
    () => columns.map((column) => ({ id: column.id, header: column.header })),
    [columns],
  );
  const columnVisibility = useMemo(
    () =>
      Object.fromEntries(
        columns.map((column) => [
          column.id,
          isNarrow ? column.isEssential === true : ids.includes(column.id),
        ]),
      ),
    [columns, ids, isNarrow],
  );
  const columnOrder = useMemo(() => [...ids], [ids]);
  const table = useTable({
    features,
    columns: definitions,
    data: NO_ROWS,
    state: { columnVisibility, columnOrder },
  });
  const visible = table
    .getVisibleLeafColumns()
    .map((column) => column.id)
    .join("\n");
  return useMemo(
    () => visible.split("\n").flatMap((id) => columns.find((column) => column.id === id) ?? []),
    [visible, columns],
  );
}

/** After a jump only the rows in sight: those beside them are drawn when it goes on slowly. */
function useRowsToDraw(): (range: Range) => number[] {
  const last = useRef(0);
  return useCallback((range: Range) => {
    const isJump = Math.abs(range.startIndex - last.current) > range.endIndex - range.startIndex;
    last.current = range.startIndex;
    return defaultRangeExtractor(isJump ? { ...range, overscan: 0 } : range);
  }, []);
}

function useSlots(keys: readonly string[]) {
  const [rowSlots] = useState(() => new RowSlots());
  const focused = useRef<string>(undefined);
  const slots = rowSlots.assign(keys, focused.current);
  return {
    slots,
    onFocus: ({ target }: { target: Element }) => {
      focused.current = target.closest("tr")?.dataset["key"];
    },
    onBlur: () => {
      focused.current = undefined;
    },
  };
}

function useEndReached(last: number, count: number, onEndReached: (() => void) | undefined) {
  useEffect(() => {
    if (count > 0 && last >= count - 30) onEndReached?.();
  }, [last, count, onEndReached]);
}

/** On a phone, the first takes what the others leave. */
function Columns<Row>(props: {
  columns: readonly Column<Row>[];
  isNarrow: boolean;
  hasSelection: boolean;
  hasActions: boolean;
}) {
  return (
    <colgroup>
      {props.hasSelection && <col style={{ width: CHECK_WIDTH }} />}
      {props.columns.map((column, place) => {
        const isWide = column.grows || (props.isNarrow && place === 0);
        return <col key={column.id} style={isWide ? {} : { width: column.width }} />;
      })}
      {props.hasActions && <col style={{ width: ACTIONS_WIDTH }} />}
    </colgroup>
  );
}

function SelectAll<Row>(props: {
  rows: readonly Row[];
  keyOf: (row: Row) => string;
  selection: Selection;
}) {
  const { rows, keyOf, selection } = props;
  const isAll = rows.length > 0 && selection.keys.size >= rows.length;
  return (
    <th scope="col" className="check-cell">
      <input
        type="checkbox"
        aria-label="Select all rows that are loaded"
        checked={isAll}
        ref={(box) => {
          if (box) box.indeterminate = selection.keys.size > 0 && !isAll;
        }}
        onChange={() => {
          selection.onChange(isAll ? new Set() : new Set(rows.map(keyOf)));
        }}
      />
    </th>
  );
}

/** Stands for the rows that are out of sight. */
function Gap({ height, columns }: { height: number; columns: number }) {
  if (height <= 0) return null;
  return (
    <tr aria-hidden="true" className="gap">
      <td colSpan={columns} style={{ height }} />
    </tr>
  );
}

function ariaSort(sort: Sort | undefined, id: string): "ascending" | "descending" | undefined {
  if (sort?.by !== id) return undefined;
  return sort.descending ? "descending" : "ascending";
}
