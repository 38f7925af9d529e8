/** What a task may ask of the end of another: conditions on edges, and their form on the wire. */

/** When an edge is met. `resultMatches`: completed with a result for which this jsonpath predicate
 * is true, for instance `$.rms < 0.5`; one that fails or is neither true nor false is not met. */
export type Condition = "success" | "failure" | "always" | { readonly resultMatches: string };

/** What becomes of the child when the edge can no longer be met. Default "cancel". */
export type Otherwise = "cancel" | "skip" | "continue";

export interface ConditionalParent<Parent> {
  readonly on: Parent;
  /** Default "success". */
  readonly when?: Condition;
  readonly otherwise?: Otherwise;
}

/** One requirement, met by any of several parents: a step and its alternative. */
export interface AnyOfParents<Parent> {
  readonly anyOf: readonly (Parent | Omit<ConditionalParent<Parent>, "otherwise">)[];
  readonly otherwise?: Otherwise;
}

export type Dependency<Parent extends string | number = string | number> =
  Parent | ConditionalParent<Parent> | AnyOfParents<Parent>;

type Edge<Parent extends string | number> = Parent | ConditionalParent<Parent>;

export function parentsOf<Parent extends string | number>(
  dependency: Dependency<Parent>,
): Parent[] {
  if (typeof dependency !== "object") return [dependency];
  const edges: readonly Edge<Parent>[] = "anyOf" in dependency ? dependency.anyOf : [dependency];
  return edges.map((edge) => (typeof edge === "object" ? edge.on : edge));
}

/** An element of depends_on, as absurd.spawn_tasks takes it. */
export function wireDependency<Parent extends string | number>(
  dependency: Dependency<Parent>,
  wireParent: (parent: Parent) => string | number,
): unknown {
  if (typeof dependency === "object" && "anyOf" in dependency) {
    return {
      any_of: dependency.anyOf.map((edge: Edge<Parent>) => wireEdge(edge, wireParent)),
      otherwise: dependency.otherwise,
    };
  }
  return wireEdge(dependency, wireParent);
}

function wireEdge<Parent extends string | number>(
  edge: Edge<Parent>,
  wireParent: (parent: Parent) => string | number,
): unknown {
  if (typeof edge !== "object") return wireParent(edge);
  const { on, when, otherwise } = edge;
  return {
    on: wireParent(on),
    when: typeof when === "object" ? { matches: when.resultMatches } : when,
    otherwise,
  };
}
