/**
 * Which element each row in sight is drawn in. After a jump, to rows of which none was in sight,
 * the elements of the rows before are filled anew: to make and to lay out others costs twice as
 * much. Otherwise a row keeps its element, so that elements stand in the order of their rows and
 * are never moved.
 */
export class RowSlots {
  #slotOf: ReadonlyMap<string, number> = new Map();
  #made = 0;

  /**
   * Asked again with the same keys, it answers the same.
   *
   * @param focused the row that has the focus: its element is not given to another, for a key that
   *   is pressed would act on that one
   * @returns a slot for each key, in their order
   */
  assign(keys: readonly string[], focused?: string): readonly number[] {
    const before = this.#slotOf;
    const isJump = !keys.some((key) => before.has(key));
    const free = isJump
      ? [...before].flatMap(([key, slot]) => (key === focused ? [] : [slot]))
      : [];
    const slots = keys.map((key) => before.get(key) ?? free.shift() ?? this.#made++);
    this.#slotOf = new Map(keys.map((key, index) => [key, slots[index]!]));
    return slots;
  }
}
