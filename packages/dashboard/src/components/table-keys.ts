/** Keys and clicks of DataTable: which row is active, which are selected. */
import { type KeyboardEvent as ReactKeyboardEvent, useCallback, useRef, useState } from "react";

import type { DataTableProps } from "./DataTable.tsx";
import { type KeyBinding, useKeys } from "./keys.ts";
import { moveTo, NO_CURSOR, toggled, withRange } from "./table-selection.ts";

interface TableKeysOptions<Row> extends Pick<
  DataTableProps<Row>,
  "keyOf" | "onOpen" | "selection" | "isMain"
> {
  readonly rows: readonly Row[];
  readonly scrollTo: (index: number) => void;
}

const PAGE_ROWS = 15;

export function useTableKeys<Row>(options: TableKeysOptions<Row>) {
  const [cursor, setCursor] = useState(NO_CURSOR);
  const latest = useRef({ options, cursor });
  latest.current = { options, cursor };

  const go = useCallback((index: number, extends_: boolean) => {
    const { rows, keyOf, selection, scrollTo } = latest.current.options;
    const next = moveTo(latest.current.cursor, index, rows.length, extends_);
    setCursor(next);
    if (next.active >= 0) scrollTo(next.active);
    if (!extends_ || !selection) return;
    selection.onChange(withRange(selection.keys, next, (at) => keyOf(rows[at]!)));
  }, []);

  const toggle = useCallback(
    (index: number, isShift: boolean) => {
      const { rows, keyOf, selection } = latest.current.options;
      if (isShift) {
        go(index, true);
        return;
      }
      setCursor({ active: index, anchor: index });
      const row = rows[index];
      if (row !== undefined) selection?.onChange(toggled(selection.keys, keyOf(row)));
    },
    [go],
  );

  const press = useCallback(
    (index: number, isShift: boolean) => {
      go(index, isShift);
    },
    [go],
  );

  const bindings = bindingsOf(latest, go, toggle);
  useKeys("Table", options.isMain === true ? bindings : []);

  const onKeyDown = (event: ReactKeyboardEvent) => {
    if (event.target !== event.currentTarget) return;
    const binding = bindings.find((each) => each.keys === nameOf(event));
    if (!binding) return;
    event.preventDefault();
    binding.run(event.nativeEvent);
  };

  return { active: cursor.active, onKeyDown, press, toggle };
}

function bindingsOf<Row>(
  latest: { readonly current: { options: TableKeysOptions<Row>; cursor: typeof NO_CURSOR } },
  go: (index: number, extends_: boolean) => void,
  toggle: (index: number, isShift: boolean) => void,
): readonly KeyBinding[] {
  const { options } = latest.current;
  const by = (rows: number, extends_: boolean) => () => {
    go(latest.current.cursor.active + rows, extends_);
  };
  const bindings: KeyBinding[] = [
    { keys: "j", label: "Next row", run: by(1, false) },
    { keys: "k", label: "Row before", run: by(-1, false) },
    { keys: "ArrowDown", label: "Next row", run: by(1, false) },
    { keys: "ArrowUp", label: "Row before", run: by(-1, false) },
    { keys: "PageDown", label: "A page on", run: by(PAGE_ROWS, false) },
    { keys: "PageUp", label: "A page back", run: by(-PAGE_ROWS, false) },
    {
      keys: "Home",
      label: "First row",
      run: () => {
        go(0, false);
      },
    },
    {
      keys: "End",
      label: "Last row",
      run: () => {
        go(latest.current.options.rows.length, false);
      },
    },
  ];
  if (options.onOpen) {
    const run = () => {
      const { rows, onOpen } = latest.current.options;
      const row = rows[latest.current.cursor.active];
      if (row !== undefined) onOpen?.(row);
    };
    bindings.push({ keys: "Enter", label: "Open the row", run });
  }
  if (options.selection) {
    bindings.push(
      {
        keys: "Space",
        label: "Select the row",
        run: () => {
          toggle(latest.current.cursor.active, false);
        },
      },
      {
        keys: "x",
        label: "Select the row",
        run: () => {
          toggle(latest.current.cursor.active, false);
        },
      },
      { keys: "J", label: "Select down to here", run: by(1, true) },
      { keys: "K", label: "Select up to here", run: by(-1, true) },
      { keys: "shift+ArrowDown", label: "Select down to here", run: by(1, true) },
      { keys: "shift+ArrowUp", label: "Select up to here", run: by(-1, true) },
      {
        keys: "Escape",
        label: "Select nothing",
        run: () => latest.current.options.selection?.onChange(new Set()),
      },
    );
  }
  return bindings;
}

function nameOf(event: ReactKeyboardEvent): string {
  const key = event.key === " " ? "Space" : event.key;
  return event.shiftKey && key.length > 1 ? `shift+${key}` : key;
}
