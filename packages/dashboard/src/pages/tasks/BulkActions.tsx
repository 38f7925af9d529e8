/** What can be done to the selected tasks, or to all that fit the filter. */
import type { BulkSelection } from "../../components/BulkDialog.tsx";
import { BULK_LABEL, type BulkVerb } from "../../components/bulk.model.ts";
import { Menu } from "../../components/Menu.tsx";
import { formatCountOf } from "../../format/quantity.ts";

interface BulkActionsProps {
  readonly q: string;
  readonly selected: ReadonlySet<string>;
  readonly onAct: (action: BulkVerb, selection: BulkSelection) => void;
  readonly onClear: () => void;
}

const VERBS: readonly BulkVerb[] = ["retry", "move", "cancel", "discard"];

export function BulkActions({ q, selected, onAct, onClear }: BulkActionsProps) {
  const itemsFor = (selection: BulkSelection) =>
    VERBS.map((verb) => ({
      label: `${BULK_LABEL[verb]}…`,
      isDangerous: verb === "cancel" || verb === "discard",
      run: () => {
        onAct(verb, selection);
      },
    }));
  if (selected.size === 0) {
    if (q === "")
      return <span className="muted small">Select rows, or filter, to act on many</span>;
    return <Menu label="All that fit ▾" items={itemsFor({ q })} />;
  }
  return (
    <>
      <strong>{formatCountOf(selected.size, "task")} selected</strong>
      <Menu
        className="primary"
        label="Actions ▾"
        items={itemsFor({ task_ids: [...selected].slice(0, 10_000) })}
      />
      <button className="plain" onClick={onClear}>
        Select nothing
      </button>
    </>
  );
}
