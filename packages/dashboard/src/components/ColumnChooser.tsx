/** Which columns a table shows: kept in this browser by the table's name, or with a saved view. */
import { useMemo } from "react";

import { changeSettings, getSettings, useSettings } from "../settings/settings.ts";
import type { Column, DataTableProps } from "./DataTable.tsx";
import { CheckMenu } from "./Menu.tsx";

export function useShownColumns<Row>(
  props: Pick<DataTableProps<Row>, "name" | "columns" | "columnIds" | "onColumnIds">,
) {
  const { name, columns, columnIds, onColumnIds } = props;
  const kept = useSettings().columns[name];
  const ids = useMemo(() => {
    const wanted = columnIds && columnIds.length > 0 ? columnIds : kept;
    const known = wanted?.filter((id) => columns.some((column) => column.id === id));
    if (known && known.length > 0) return known;
    return columns.filter((column) => !column.isExtra).map((column) => column.id);
  }, [columns, columnIds, kept]);
  const change = (next: readonly string[]) => {
    if (onColumnIds) onColumnIds(next);
    else changeSettings({ columns: { ...getSettings().columns, [name]: [...next] } });
  };
  return { ids, change };
}

export function ColumnChooser<Row>(props: {
  columns: readonly Column<Row>[];
  shown: readonly string[];
  onChange: (ids: readonly string[]) => void;
}) {
  const { columns, shown, onChange } = props;
  const choices = columns.filter((column) => !column.isEssential);
  if (choices.length < 2) return null;
  return (
    <CheckMenu
      label="Columns"
      name="Choose columns"
      items={choices.map((column) => ({ id: column.id, label: column.header }))}
      checked={new Set(shown)}
      onToggle={(id) => {
        const isShown = shown.includes(id);
        onChange(
          columns
            .map((column) => column.id)
            .filter((each) => (each === id ? !isShown : shown.includes(each))),
        );
      }}
    />
  );
}
