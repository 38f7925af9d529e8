/** Order and cycles of a dependency graph. Pure. */

/**
 * Indexes in an order in which parents come before their children, otherwise as given; or the cycle
 * that makes one impossible, as the indexes along it, the first repeated at the end.
 *
 * @param parents parents[i] lists the indexes that i depends on
 */
export function topologicalOrder(
  parents: readonly (readonly number[])[],
): { readonly order: readonly number[] } | { readonly cycle: readonly number[] } {
  const order: number[] = [];
  const state = new Uint8Array(parents.length); // 0 new, 1 on the path, 2 placed
  for (let root = 0; root < parents.length; root++) {
    // An explicit stack: a chain of 100,000 tasks must not overflow the call stack.
    const path = [{ node: root, next: 0 }];
    if (state[root] === 2) continue;
    state[root] = 1;
    while (path.length > 0) {
      const top = path.at(-1)!;
      const parent = parents[top.node]![top.next++];
      if (parent === undefined) {
        state[top.node] = 2;
        order.push(top.node);
        path.pop();
      } else if (state[parent] === 0) {
        state[parent] = 1;
        path.push({ node: parent, next: 0 });
      } else if (state[parent] === 1) {
        const nodes = path.map((each) => each.node);
        return { cycle: [...nodes.slice(nodes.indexOf(parent)), parent] };
      }
    }
  }
  return { order };
}
