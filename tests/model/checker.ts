/**
 * An explicit-state model checker: walks every state that a small model can reach, breadth first,
 * so that the first violation found comes with a shortest trace.
 */

export interface Model<State> {
  readonly initial: State;
  /** Every step possible in a state, with its name. Must not change the state given. */
  steps(state: State): Iterable<readonly [name: string, next: State]>;
  /** What is wrong with a state; undefined when nothing is. */
  violation(state: State): string | undefined;
  /** True where nothing more has to happen. What cannot reach such a state is stuck. */
  isFinal(state: State): boolean;
}

export interface Verdict {
  readonly stateCount: number;
  /** Undefined: the model holds. */
  readonly failure: { readonly what: string; readonly trace: readonly string[] } | undefined;
}

interface Visit<State> {
  readonly state: State;
  readonly from: number;
  readonly by: string;
}

/** @throws when there are more states than `stateCountMax`: nothing was proved then */
export function check<State>(model: Model<State>, stateCountMax = 2_000_000): Verdict {
  const visits: Visit<State>[] = [{ state: model.initial, from: -1, by: "" }];
  const indexes = new Map([[JSON.stringify(model.initial), 0]]);
  const predecessors: number[][] = [[]];
  for (let index = 0; index < visits.length; index++) {
    const { state } = visits[index]!;
    const what = model.violation(state);
    if (what !== undefined) return failed(visits, index, what);
    for (const [by, next] of model.steps(state)) {
      const key = JSON.stringify(next);
      const known = indexes.get(key);
      if (known !== undefined) {
        predecessors[known]!.push(index);
        continue;
      }
      if (visits.length >= stateCountMax) throw new Error(`more than ${stateCountMax} states`);
      indexes.set(key, visits.length);
      visits.push({ state: next, from: index, by });
      predecessors.push([index]);
    }
  }
  const stuck = findStuck(model, visits, predecessors);
  if (stuck !== undefined) return failed(visits, stuck, "nothing leads to the end from here");
  return { stateCount: visits.length, failure: undefined };
}

/** The first state from which no final state can be reached. */
function findStuck<State>(
  model: Model<State>,
  visits: readonly Visit<State>[],
  predecessors: readonly (readonly number[])[],
): number | undefined {
  const reaches = new Uint8Array(visits.length);
  const open = visits.flatMap(({ state }, index) => (model.isFinal(state) ? [index] : []));
  for (const index of open) reaches[index] = 1;
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    for (const before of predecessors[index]!) {
      if (reaches[before]) continue;
      reaches[before] = 1;
      open.push(before);
    }
  }
  const stuck = reaches.indexOf(0);
  return stuck < 0 ? undefined : stuck;
}

function failed<State>(visits: readonly Visit<State>[], index: number, what: string): Verdict {
  const trace: string[] = [];
  for (let at = index; at > 0; at = visits[at]!.from) trace.unshift(visits[at]!.by);
  return { stateCount: visits.length, failure: { what, trace } };
}
