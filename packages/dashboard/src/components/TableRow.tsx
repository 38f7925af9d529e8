/** One row of DataTable; drawn again only when it is another, or looks otherwise. */
import { memo, type ReactNode, useState } from "react";

import type { Column } from "./DataTable.tsx";
import { Menu, type MenuItem } from "./Menu.tsx";

interface TableRowProps<Row> {
  readonly id: string;
  readonly row: Row;
  readonly rowKey: string;
  readonly name: string;
  readonly index: number;
  readonly columns: readonly Column<Row>[];
  readonly isActive: boolean;
  /** Undefined: rows of this table are not selected. */
  readonly isSelected: boolean | undefined;
  readonly onPress: (index: number, isShift: boolean) => void;
  readonly onToggle: (index: number, isShift: boolean) => void;
  readonly onOpen: ((row: Row) => void) | undefined;
  readonly actionsOf: ((row: Row) => readonly (MenuItem | null)[]) | undefined;
}

function Row<R>(props: TableRowProps<R>): ReactNode {
  const { row, index, isActive, isSelected, onOpen, actionsOf } = props;
  const classes = [isActive && "is-active", isSelected && "is-selected"].filter(Boolean);
  return (
    <tr
      id={props.id}
      data-key={props.rowKey}
      aria-rowindex={index + 2}
      aria-selected={isSelected}
      className={classes.length > 0 ? classes.join(" ") : undefined}
      onClick={(event) => {
        props.onPress(index, event.shiftKey);
      }}
      onDoubleClick={() => onOpen?.(row)}
    >
      {isSelected !== undefined && (
        <td className="check-cell">
          <input
            type="checkbox"
            tabIndex={-1}
            aria-label={`Select row ${index + 1}: ${props.name}`}
            checked={isSelected}
            onClick={(event) => {
              event.stopPropagation();
              props.onToggle(index, event.shiftKey);
            }}
            onChange={() => undefined}
          />
        </td>
      )}
      {props.columns.map((column) => (
        <td key={column.id} className={column.align === "right" ? "number clip" : "clip"}>
          {column.cell(row)}
        </td>
      ))}
      {actionsOf && (
        <td className="action-cell">
          <RowActions
            rowKey={props.rowKey}
            name={`Actions of row ${index + 1}: ${props.name}`}
            itemsOf={() => actionsOf(row)}
          />
        </td>
      )}
    </tr>
  );
}

export const TableRow = memo(Row) as typeof Row;

interface RowActionsProps {
  readonly rowKey: string;
  readonly name: string;
  readonly itemsOf: () => readonly (MenuItem | null)[];
}

/** A plain button until it is wanted: a menu in every row is most of what scrolling costs. */
function RowActions({ rowKey, name, itemsOf }: RowActionsProps) {
  // Of this very row: its element may come to be another's.
  const [wanted, setWanted] = useState<string>();
  if (wanted === rowKey) {
    return <Menu className="plain icon" label="⋯" name={name} items={itemsOf()} isOpenAtFirst />;
  }
  return (
    <button
      type="button"
      className="plain icon"
      aria-label={name}
      aria-haspopup="menu"
      onClick={() => {
        setWanted(rowKey);
      }}
    >
      ⋯
    </button>
  );
}
