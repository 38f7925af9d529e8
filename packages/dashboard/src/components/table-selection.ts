/** Which row is active and which are selected, as keys and clicks change it. Pure. */

export interface TableCursor {
  /** Index of the active row; −1 before any was. */
  readonly active: number;
  /** Where a range began. */
  readonly anchor: number;
}

export const NO_CURSOR: TableCursor = { active: -1, anchor: -1 };

export function moveTo(cursor: TableCursor, index: number, count: number, extends_: boolean) {
  const active = Math.max(0, Math.min(count - 1, index));
  if (count === 0) return NO_CURSOR;
  if (!extends_) return { active, anchor: active };
  return { active, anchor: cursor.anchor === -1 ? Math.max(0, cursor.active) : cursor.anchor };
}

export function toggled(selected: ReadonlySet<string>, key: string): ReadonlySet<string> {
  const next = new Set(selected);
  if (!next.delete(key)) next.add(key);
  return next;
}

/** All from the anchor to the active row, both included, beside what was selected. */
export function withRange(
  selected: ReadonlySet<string>,
  cursor: TableCursor,
  keyAt: (index: number) => string,
): ReadonlySet<string> {
  if (cursor.active < 0 || cursor.anchor < 0) return selected;
  const next = new Set(selected);
  const [from, to] = [cursor.anchor, cursor.active].sort((a, b) => a - b) as [number, number];
  for (let index = from; index <= to; index += 1) next.add(keyAt(index));
  return next;
}
