/**
 * From spawn requests to the JSON that absurd.spawn_tasks takes: params checked against their
 * schemas, parents before children. Pure; nothing is written before all of it succeeded.
 */
import { topologicalOrder } from "./dag.ts";
import { parentsOf, wireDependency } from "./dependency.ts";
import { wireDemand } from "./demand.ts";
import { DependencyCycle, InvalidParams, TaskNotFound } from "./errors.ts";
import { storedRef } from "./params-ref.ts";
import { wireRetry } from "./retry-policy.ts";
import { checkOptions } from "./spawn-options.ts";
import type { AnyTask, SpawnRequest } from "./task.ts";
import { uuidOrNotFound } from "./task-id.ts";

export const PARAMS_BYTES_MAX = 1_048_576;

/** A spawn whose params were checked and written out: nothing is refused here any more. */
export interface WireSpawn {
  /** The element of the argument of absurd.spawn_tasks. */
  readonly json: string;
  /** Set when it asks for nothing but params, queue and priority: what it may share a call with. */
  readonly plain: PlainSpawn | undefined;
  /** Queues to wake after the commit. */
  readonly queue: string | undefined;
}

export interface PlainSpawn {
  readonly taskName: string;
  readonly queue: string | undefined;
  readonly priority: number;
  readonly paramsJson: string;
}

export interface SpawnBatch {
  readonly spawns: readonly WireSpawn[];
  /** order[i] is the index, in the requests, of the i-th spawn. */
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
  requests.forEach(checkOptions);
  const order = orderOf(requests);
  const position = new Map<number, number>();
  if (requests.some((request) => request.dependsOn !== undefined)) {
    order.forEach((index, place) => position.set(index, place));
  }
  const spawns = order.map((index) =>
    wireSpawn(requests[index]!, definitions, (parent) => position.get(parent)!),
  );
  return { spawns, order };
}

/** The argument of absurd.spawn_tasks. */
export function spawnTasksJson(spawns: readonly WireSpawn[]): string {
  return `[${spawns.map((spawn) => spawn.json).join(",")}]`;
}

/** What all of them have in common, when absurd.spawn_lines can take them in one call. */
export function commonPlain(spawns: readonly WireSpawn[]): PlainSpawn | undefined {
  const first = spawns[0]?.plain;
  if (!first) return undefined;
  const isCommon = spawns.every(
    ({ plain }) =>
      plain?.taskName === first.taskName &&
      plain.queue === first.queue &&
      plain.priority === first.priority,
  );
  return isCommon ? first : undefined;
}

function orderOf(requests: readonly SpawnRequest[]): readonly number[] {
  const asked = requests.map((request) => (request.dependsOn ?? []).flatMap(parentsOf));
  if (asked.every((parents) => parents.every((parent) => typeof parent !== "number"))) {
    return requests.map((_, index) => index);
  }
  const parents = asked.map((each, index) =>
    each.filter((parent): parent is number => {
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

/** Options that a plain spawn has; any other, set, makes it one of its own. */
const PLAIN_OPTIONS = new Set(["task", "params", "queue", "priority"]);

/** @throws {InvalidParams | TaskNotFound} */
export function wireSpawn(
  request: SpawnRequest,
  definitions: ReadonlyMap<string, AnyTask>,
  positionOf: (index: number) => number = (index) => index,
): WireSpawn {
  const taskName = taskNameOf(request.task);
  const definition = typeof request.task === "string" ? definitions.get(taskName) : request.task;
  const paramsJson = request.paramsRef
    ? JSON.stringify(storedRef(request.paramsRef))
    : writeParams(taskName, definition, request.params);
  const queue = request.queue ?? (definition ? (definition.queue ?? "default") : undefined);
  const isPlain = Object.entries(request).every(
    ([option, value]) => value === undefined || PLAIN_OPTIONS.has(option),
  );
  const plain = isPlain
    ? { taskName, queue: request.queue, priority: request.priority ?? 0, paramsJson }
    : undefined;
  return {
    get json() {
      return wireJson(request, paramsJson, positionOf);
    },
    plain,
    queue,
  };
}

/** The params as JSON. @throws {InvalidParams} when they do not fit the schema, or are too large */
export function writeParams(
  taskName: string,
  definition: AnyTask | undefined,
  given: unknown,
): string {
  const params = definition ? parseParams(definition, given ?? {}) : given;
  const paramsJson = JSON.stringify(params ?? {});
  // Three bytes a UTF-16 unit at most: most texts need no count.
  const bytes = paramsJson.length * 3 > PARAMS_BYTES_MAX ? Buffer.byteLength(paramsJson) : 0;
  if (bytes > PARAMS_BYTES_MAX) {
    throw new InvalidParams(
      `params of ${taskName} take ${bytes} bytes, above ${PARAMS_BYTES_MAX}; ` +
        "pass them by reference (paramsRef)",
    );
  }
  return paramsJson;
}

function wireJson(
  request: SpawnRequest,
  paramsJson: string,
  positionOf: (index: number) => number,
): string {
  const rest = JSON.stringify({
    task_name: taskNameOf(request.task),
    queue_name: request.queue,
    priority: request.priority,
    version: request.version,
    fairness_key: request.fairnessKey,
    delay_seconds: request.delaySeconds,
    available_at: request.availableAt,
    max_retries: request.maxRetries ?? request.retry?.default?.maxRetries,
    timeout_seconds: request.timeoutSeconds,
    idempotency_key: request.idempotencyKey,
    idempotency_key_ttl_seconds: request.idempotencyKeyTtlSeconds,
    dedupe: request.dedupe && {
      window_seconds: request.dedupe.windowSeconds,
      by: request.dedupe.by,
    },
    trace_context: request.traceContext,
    deadline_at: request.deadline,
    expires_at: request.expiresAt,
    expires_in_seconds: request.expiresInSeconds,
    correlation_id: request.correlationId,
    workflow_id: request.workflowId,
    tags: request.tags,
    ...wireDemand(request),
    policy: policyOf(request),
    depends_on: request.dependsOn?.map((each) =>
      wireDependency(each, (parent) =>
        typeof parent === "number" ? positionOf(parent) : uuidOrNotFound(parent),
      ),
    ),
  });
  // Params are already text: a large one is not written twice.
  return `${rest.slice(0, -1)},"params":${paramsJson}}`;
}

function policyOf(request: SpawnRequest): object | undefined {
  const { backoffSeconds, backoffSecondsMax, retry } = request;
  if ((backoffSeconds ?? backoffSecondsMax ?? retry) === undefined) return undefined;
  return {
    backoff_seconds: backoffSeconds,
    backoff_seconds_max: backoffSecondsMax,
    retry: retry && wireRetry(retry),
  };
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
