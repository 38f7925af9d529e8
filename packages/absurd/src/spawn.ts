/**
 * From spawn requests to the JSON that absurd.spawn_tasks takes: params checked against their
 * schemas, parents before children. Pure; nothing is written before all of it succeeded.
 */
import { topologicalOrder } from "./dag.ts";
import { DependencyCycle, InvalidParams, TaskNotFound } from "./errors.ts";
import type { AnyTask, SpawnRequest } from "./task.ts";
import { uuidOrNotFound } from "./task-id.ts";

export const PARAMS_BYTES_MAX = 1_048_576;

export interface SpawnBatch {
  /** The argument of absurd.spawn_tasks. */
  readonly json: string;
  /** order[i] is the index, in the requests, of the i-th task of the JSON. */
  readonly order: readonly number[];
}

export function taskNameOf(task: SpawnRequest["task"]): string {
  return typeof task === "string" ? task : task.name;
}

/**
 * @param definitions by task name; a name that is not there has its params checked by its worker
 * @throws {InvalidParams | DependencyCycle | TaskNotFound}
 */
export function spawnBatch(
  requests: readonly SpawnRequest[],
  definitions: ReadonlyMap<string, AnyTask>,
): SpawnBatch {
  const order = orderOf(requests);
  const position = new Map(order.map((index, place) => [index, place]));
  const tasks = order.map((index) => {
    const request = requests[index]!;
    return wireTask(request, definitions, (parent) => position.get(parent)!);
  });
  return { json: `[${tasks.join(",")}]`, order };
}

function orderOf(requests: readonly SpawnRequest[]): readonly number[] {
  if (requests.every((request) => !request.dependsOn?.some((each) => typeof each === "number"))) {
    return requests.map((_, index) => index);
  }
  const parents = requests.map((request, index) =>
    (request.dependsOn ?? []).filter((parent): parent is number => {
      if (typeof parent !== "number") return false;
      if (Number.isInteger(parent) && parent >= 0 && parent < requests.length) return true;
      throw new TaskNotFound(
        `task ${index} of the batch depends on index ${parent}, expected 0 to ${requests.length - 1}`,
      );
    }),
  );
  const sorted = topologicalOrder(parents);
  if ("order" in sorted) return sorted.order;
  const names = sorted.cycle.map((index) => `${taskNameOf(requests[index]!.task)} [${index}]`);
  throw new DependencyCycle(`tasks depend on each other: ${names.join(" -> ")}`);
}

function wireTask(
  request: SpawnRequest,
  definitions: ReadonlyMap<string, AnyTask>,
  positionOf: (index: number) => number,
): string {
  const name = taskNameOf(request.task);
  const definition = typeof request.task === "string" ? definitions.get(name) : request.task;
  const params = definition ? parseParams(definition, request.params ?? {}) : request.params;
  const paramsJson = JSON.stringify(params ?? {});
  const bytes = Buffer.byteLength(paramsJson);
  if (bytes > PARAMS_BYTES_MAX) {
    throw new InvalidParams(
      `params of ${name} take ${bytes} bytes, above ${PARAMS_BYTES_MAX}; ` +
        "pass large values by reference",
    );
  }
  const policy = {
    backoff_seconds: request.backoffSeconds,
    backoff_seconds_max: request.backoffSecondsMax,
  };
  const rest = JSON.stringify({
    task_name: name,
    queue_name: request.queue,
    priority: request.priority,
    version: request.version,
    fairness_key: request.fairnessKey,
    delay_seconds: request.delaySeconds,
    available_at: request.availableAt,
    max_retries: request.maxRetries,
    timeout_seconds: request.timeoutSeconds,
    idempotency_key: request.idempotencyKey,
    correlation_id: request.correlationId,
    workflow_id: request.workflowId,
    tags: request.tags,
    policy: (request.backoffSeconds ?? request.backoffSecondsMax) ? policy : undefined,
    depends_on: request.dependsOn?.map((parent) =>
      typeof parent === "number" ? positionOf(parent) : uuidOrNotFound(parent),
    ),
  });
  // Params are already text: a large one is not written twice.
  return `${rest.slice(0, -1)},"params":${paramsJson}}`;
}

/**
 * What is stored is what the caller gave, not what the schema made of it: defaults and transforms
 * apply when the task runs, once.
 */
function parseParams(definition: AnyTask, params: unknown): unknown {
  const parsed = definition.params.safeParse(params);
  if (parsed.success) return params;
  throw invalidParams(definition.name, parsed.error.issues);
}

export function invalidParams(
  taskName: string,
  zodIssues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[],
): InvalidParams {
  const issues = zodIssues.map((issue) => ({
    path: issue.path.map(String).join(".") || "params",
    message: issue.message,
  }));
  const summary = issues.map((issue) => `${issue.path}: ${issue.message}`).join("; ");
  return new InvalidParams(`params of ${taskName} are invalid: ${summary}`, issues);
}
