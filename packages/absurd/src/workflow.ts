/** A workflow as a program writes it: named tasks and what each needs of others. */
import type { Condition, Dependency, Otherwise } from "./dependency.ts";
import { wireDependency } from "./dependency.ts";
import { taskNameOf, wireSpawn } from "./spawn.ts";
import type { AnyTask, SpawnOptions, TaskDefinition } from "./task.ts";

/** One task for each element of another node's result. */
export interface ForEach {
  /** The node whose result holds the list. */
  readonly of: string;
  /** jsonpath to the list in that result. Default "$". At most 10,000 elements. */
  readonly path?: string;
  /** What the node asks of each element: default that it completes. */
  readonly when?: Extract<Condition, "success" | "always">;
  /** What becomes of the node when an element ends otherwise. Default "cancel". */
  readonly otherwise?: Otherwise;
}

export interface WorkflowNode extends Omit<
  SpawnOptions,
  "workflowId" | "dependsOn" | "idempotencyKey"
> {
  readonly task: string | AnyTask;
  /** With forEach, {"$element": "a.b"} and {"$index": true} stand for what differs. */
  readonly params?: unknown;
  /** Names of nodes, or ids of tasks of another workflow. */
  readonly dependsOn?: readonly Dependency<string>[];
  readonly forEach?: ForEach;
}

export type WorkflowNodes = Readonly<Record<string, WorkflowNode>>;

export interface WorkflowSpec {
  readonly name: string;
  readonly tasks: WorkflowNodes;
  /** Kept with the workflow, for people. */
  readonly params?: unknown;
  readonly tags?: readonly string[];
  /** A second spawn of the same name and key returns the first workflow. */
  readonly idempotencyKey?: string;
}

/** Collects nodes whose params are checked by the compiler. A spec itself. */
export class WorkflowBuilder implements WorkflowSpec {
  readonly name: string;
  readonly tasks: Record<string, WorkflowNode> = {};

  constructor(name: string) {
    this.name = name;
  }

  /** @throws {RangeError} when the name is taken */
  task<Params>(
    name: string,
    task: TaskDefinition<Params, unknown>,
    params: Params,
    options: Omit<WorkflowNode, "task" | "params" | "forEach"> = {},
  ): this {
    return this.#put(name, { ...options, task, params });
  }

  /** Params may hold {"$element": ...}, so only the worker checks them. */
  forEach(
    name: string,
    of: ForEach,
    task: AnyTask,
    params: unknown,
    options: Omit<WorkflowNode, "task" | "params" | "forEach"> = {},
  ): this {
    return this.#put(name, { ...options, task, params, forEach: of });
  }

  #put(name: string, node: WorkflowNode): this {
    if (Object.hasOwn(this.tasks, name)) throw new RangeError(`two nodes are named "${name}"`);
    this.tasks[name] = node;
    return this;
  }
}

export function workflow(name: string): WorkflowBuilder {
  return new WorkflowBuilder(name);
}

/**
 * The nodes as absurd.spawn_workflow takes them, as JSON.
 * @param definitions by task name, to check params with
 * @throws {InvalidParams}
 */
export function wireNodes(nodes: WorkflowNodes, definitions: ReadonlyMap<string, AnyTask>): string {
  const texts = Object.entries(nodes).map(([name, node]) => {
    const { dependsOn, forEach, ...request } = node;
    // What holds references can be checked only where they are filled in.
    const task = forEach ? wireUnchecked(request) : wireSpawn(request, definitions).json;
    const rest = JSON.stringify({
      node: name,
      depends_on: (dependsOn ?? []).map((each) => wireDependency(each, (parent) => parent)),
      for_each: forEach,
    });
    return `${rest.slice(0, -1)},${task.slice(1)}`;
  });
  return `[${texts.join(",")}]`;
}

/** The same for a template, whose params may hold {"$param": ...} anywhere. */
export function wireTemplateNodes(nodes: WorkflowNodes): string {
  const unchecked = Object.entries(nodes).map(([name, node]) => [
    name,
    { ...node, task: taskNameOf(node.task) },
  ]);
  return wireNodes(Object.fromEntries(unchecked) as WorkflowNodes, new Map());
}

function wireUnchecked(request: Omit<WorkflowNode, "dependsOn" | "forEach">): string {
  return wireSpawn({ ...request, task: taskNameOf(request.task) }, new Map()).json;
}
