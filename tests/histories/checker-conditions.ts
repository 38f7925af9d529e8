/** Whether each task of a graph got the end that its conditions and its parents' ends ask for. */
import {
  type FinalState,
  type FinalTask,
  type HistoryEvent,
  type Requirement,
  type Wish,
  type WishedEdge,
  of,
} from "./record.ts";

interface Graph {
  readonly byToken: ReadonlyMap<string, FinalTask>;
  readonly wishes: ReadonlyMap<string, Wish>;
  /** Parents of these may have ended otherwise before. */
  readonly retried: ReadonlySet<string>;
  readonly cancelAsked: ReadonlySet<string>;
  /** When the first attempt began and the last lease went. */
  readonly began: ReadonlyMap<string, number>;
  readonly over: ReadonlyMap<string, number>;
}

export function conditions(events: readonly HistoryEvent[], final: FinalState): string[] {
  const graph = graphOf(events, final);
  return [...graph.wishes].flatMap(([token, { requirements }]) => {
    const task = graph.byToken.get(token);
    if (!task || !requirements || isUnsettled(graph, token)) return [];
    return [...endOf(graph, task, requirements), ...beginningOf(graph, task, requirements)];
  });
}

function graphOf(events: readonly HistoryEvent[], final: FinalState): Graph {
  const began = new Map<string, number>();
  const starts = of(events, "started");
  for (const { taskId, at } of starts) {
    began.set(taskId, Math.min(began.get(taskId) ?? Infinity, at));
  }
  const over = new Map<string, number>();
  for (const { taskId, endedAt } of final.leases) {
    over.set(taskId, Math.max(over.get(taskId) ?? 0, endedAt));
  }
  return {
    byToken: new Map(final.tasks.map((task) => [task.token, task])),
    wishes: wishesOf(events),
    retried: new Set(of(events, "retry asked").map((event) => event.taskId)),
    cancelAsked: new Set(of(events, "cancel asked").map((event) => event.taskId)),
    began,
    over,
  };
}

export function wishesOf(events: readonly HistoryEvent[]): Map<string, Wish> {
  return new Map(of(events, "asked").map((event) => [event.token, event.wish ?? {}]));
}

/** Itself or somebody before it had a new start, after which it may not have looked again. */
function isUnsettled(graph: Graph, token: string): boolean {
  const task = graph.byToken.get(token);
  if (!task || graph.retried.has(task.taskId)) return true;
  const requirements = graph.wishes.get(token)?.requirements ?? [];
  return requirements.some(({ anyOf }) => anyOf.some((edge) => isUnsettled(graph, edge.on)));
}

/** The requirements that its parents' ends leave unmet decide. */
function endOf(graph: Graph, task: FinalTask, requirements: readonly Requirement[]): string[] {
  const [end] = task.outcomes;
  if (!end) return []; // That it has not ended is found elsewhere.
  const tag = end.kind === "x" ? end.tag : null;
  const isCut = tag === "DependencyFailed" || tag === "Skipped";
  const unmet = requirements.filter(
    ({ anyOf, otherwise }) => otherwise !== "continue" && !anyOf.some((it) => isMet(graph, it)),
  );
  const name = `task ${task.taskId} (${task.token})`;
  if (unmet.length === 0) {
    return isCut ? [`${name} was cut off (${tag}), and each of its requirements is met`] : [];
  }
  if (!isCut) {
    const isByRequest = end.kind === "x" && graph.cancelAsked.has(task.taskId);
    return isByRequest ? [] : [`${name} ended as ${end.kind} with a requirement that is not met`];
  }
  const tags = new Set(unmet.map((it) => tagOf(graph, it)));
  return tags.size === 1 && !tags.has(tag)
    ? [`${name} was cut off as ${tag}, not ${[...tags].join()}`]
    : [];
}

/** What an unmet requirement makes of the task: skipping travels on as skipping. */
function tagOf(graph: Graph, { anyOf, otherwise }: Requirement): string | null {
  if (otherwise === "skip") return "Skipped";
  const skipped = anyOf.filter((edge) => isSkipped(graph, edge)).length;
  if (skipped > 0 && skipped < anyOf.length) return null;
  return skipped > 0 ? "Skipped" : "DependencyFailed";
}

function isSkipped(graph: Graph, edge: WishedEdge): boolean {
  const [end] = graph.byToken.get(edge.on)?.outcomes ?? [];
  return end?.kind === "x" && end.tag === "Skipped";
}

function isMet(graph: Graph, edge: WishedEdge): boolean {
  const kind = graph.byToken.get(edge.on)?.outcomes[0]?.kind;
  if (edge.when === "always") return kind !== undefined;
  if (edge.when === "success") return kind === "c";
  if (edge.when === "failure") return kind === "d" || (kind === "x" && !isSkipped(graph, edge));
  return kind === "c" && (graph.wishes.get(edge.on)?.flux ?? 0) > edge.when.fluxAbove;
}

/** None of its attempts began while a parent ran whose end it needed. */
function beginningOf(
  graph: Graph,
  task: FinalTask,
  requirements: readonly Requirement[],
): string[] {
  const began = graph.began.get(task.taskId) ?? Infinity;
  return requirements
    .filter(({ anyOf }) => anyOf.length === 1)
    .map(({ anyOf }) => graph.byToken.get(anyOf[0]!.on)!)
    .filter((parent) => began < (graph.over.get(parent.taskId) ?? 0))
    .map((parent) => `task ${task.taskId} began before ${parent.taskId} was over`);
}
