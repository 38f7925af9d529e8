/** What programs do with workflows: spawn, look, add, cancel, rerun. On the client: `workflows`. */
import type pg from "pg";

import type { ParentResult } from "./attempt-workflow.ts";
import { type Db, run } from "./db.ts";
import { UnknownTaskName, WorkflowNotFound } from "./errors.ts";
import { withNearNames } from "./kinds.ts";
import type { AnyTask, Json, SpawnRequest } from "./task.ts";
import { taskNumber } from "./task-id.ts";
import type { ErrorRecord } from "./task-view.ts";
import {
  type TemplateDefinition,
  type TemplatePlan,
  type TemplateView,
  defineTemplate,
  deleteTemplate,
  listTemplates,
  planTemplate,
  showTemplate,
} from "./templates.ts";
import { type WorkflowNodes, type WorkflowSpec, wireNodes } from "./workflow.ts";
import {
  type WorkflowDetail,
  type WorkflowPage,
  type WorkflowSummary,
  pageWorkflows,
  readNodes,
  readWorkflows,
} from "./workflow-view.ts";

export type {
  WorkflowDetail,
  WorkflowPage,
  WorkflowStatus,
  WorkflowSummary,
} from "./workflow-view.ts";

/** What this needs of the client. */
export interface WorkflowsHost {
  readonly db: Db;
  readonly definitions: ReadonlyMap<string, AnyTask>;
  registerUsed(requests: readonly Pick<SpawnRequest, "task">[]): Promise<void>;
  wake(): void;
  wakeCancelled(): void;
}

interface Scope {
  /** The caller's open transaction; call the client's `wake` after its commit. */
  readonly on?: pg.ClientBase | undefined;
  /** The attempt that does it: a stale one changes nothing. */
  readonly fence?: string | undefined;
}

export interface SpawnedWorkflow {
  readonly workflowId: string;
  /** False when the idempotency key was known: this is the older workflow. */
  readonly created: boolean;
}

export interface AddedNode {
  readonly node: string;
  readonly taskId: string;
  /** False when the workflow had a node of this name. */
  readonly created: boolean;
}

/** All that failed or was cancelled; or nodes, by default with all that depends on them. */
export type RerunPart =
  | { readonly failedOnly: true }
  | { readonly from: string | readonly string[]; readonly descendants?: boolean };

const AWAIT_POLL_MS = 100;

export class Workflows {
  readonly #host: WorkflowsHost;

  constructor(host: WorkflowsHost) {
    this.#host = host;
  }

  /**
   * Spawns all of a workflow or nothing.
   * @throws {DependencyCycle | WorkflowNotFound | InvalidWorkflow | InvalidCondition}, and what the
   *   client's spawn throws
   */
  async spawn(spec: WorkflowSpec, scope: Scope = {}): Promise<SpawnedWorkflow> {
    await this.#host.registerUsed(Object.values(spec.tasks));
    const options = {
      idempotency_key: spec.idempotencyKey,
      params: spec.params,
      tags: spec.tags,
    };
    return this.#spawned(
      scope,
      "select workflow_id, created from absurd.spawn_workflow($1, $2, $3, $4)",
      [
        spec.name,
        wireNodes(spec.tasks, this.#host.definitions),
        JSON.stringify(options),
        scope.fence ?? null,
      ],
    );
  }

  /**
   * Adds nodes, also while the workflow runs; they may depend on nodes that have ended. A name that
   * the workflow has is left as it is.
   * @throws {WorkflowNotFound}, {InvalidTransition} when it was cancelled, and what spawn throws
   */
  async add(workflowId: string, nodes: WorkflowNodes, scope: Scope = {}): Promise<AddedNode[]> {
    await this.#host.registerUsed(Object.values(nodes));
    const rows = await this.#call<{ node: string; task_id: string; created: boolean }>(
      scope,
      "select node, task_id, created from absurd.add_to_workflow($1, $2, $3)",
      [workflowUuid(workflowId), wireNodes(nodes, this.#host.definitions), scope.fence ?? null],
    );
    return rows.map((row) => ({ node: row.node, taskId: row.task_id, created: row.created }));
  }

  /** @throws {WorkflowNotFound} */
  async show(workflowId: string): Promise<WorkflowDetail> {
    const id = workflowUuid(workflowId);
    const [summary] = await readWorkflows(this.#host.db, { ids: [id] });
    if (!summary) throw new WorkflowNotFound(`no workflow ${workflowId}`);
    const nodes = await readNodes(this.#host.db, [summary.workflowId]);
    return { ...summary, nodes: nodes.get(summary.workflowId) ?? [] };
  }

  /** Newest first. `before`: go on after this workflow. */
  list(
    filter: { name?: string | undefined; before?: string | undefined; limit?: number } = {},
  ): Promise<WorkflowSummary[]> {
    return readWorkflows(this.#host.db, filter);
  }

  /** Its tasks that wait for nothing but a worker. @throws {WorkflowNotFound} */
  async readyTasks(workflowId: string): Promise<string[]> {
    const rows = await run<{ task_id: string }>(
      this.#host.db,
      "select task_id from absurd.ready_nodes($1)",
      [workflowUuid(workflowId)],
    );
    return rows.map((row) => row.task_id);
  }

  /** Newest first, by status when asked; see pageWorkflows. */
  page(filter: Parameters<typeof pageWorkflows>[1] = {}): Promise<WorkflowPage> {
    return pageWorkflows(this.#host.db, filter);
  }

  /** The last runs of a workflow's name with their nodes, newest first. */
  async grid(name: string, limit = 30): Promise<WorkflowDetail[]> {
    const runs = await readWorkflows(this.#host.db, { name, limit });
    const nodes = await readNodes(
      this.#host.db,
      runs.map((each) => each.workflowId),
    );
    return runs.map((each) => ({ ...each, nodes: nodes.get(each.workflowId) ?? [] }));
  }

  /** Cancels what has not ended of it; running tasks are told. @throws {WorkflowNotFound} */
  async cancel(workflowId: string, reason = "its workflow was cancelled"): Promise<number> {
    const [row] = await run<{ count: number }>(
      this.#host.db,
      "select absurd.cancel_workflow($1, $2) as count",
      [workflowUuid(workflowId), reason],
    );
    this.#host.wakeCancelled();
    return row?.count ?? 0;
  }

  /**
   * Gives a part a new start; what completed outside of it is kept. Returns the nodes that start
   * anew.
   * @throws {WorkflowBusy} when one of them runs, {WorkflowNotFound}
   */
  async rerun(workflowId: string, part: RerunPart): Promise<string[]> {
    const from = "from" in part ? [part.from].flat() : null;
    const descendants = "from" in part ? (part.descendants ?? true) : true;
    const [row] = await run<{ nodes: string[] }>(
      this.#host.db,
      "select absurd.rerun_workflow($1, $2, $3) as nodes",
      [workflowUuid(workflowId), from, descendants],
    );
    this.#host.wake();
    return row?.nodes ?? [];
  }

  /** Resolves when no node is left to run. @throws {WorkflowNotFound}, or the signal's reason */
  async awaitEnd(
    workflowId: string,
    options: { signal?: AbortSignal } = {},
  ): Promise<WorkflowSummary> {
    while (true) {
      options.signal?.throwIfAborted();
      const [found] = await readWorkflows(this.#host.db, { ids: [workflowUuid(workflowId)] });
      if (!found) throw new WorkflowNotFound(`no workflow ${workflowId}`);
      if (found.status !== "running") return found;
      await new Promise((resolve) => setTimeout(resolve, AWAIT_POLL_MS));
    }
  }

  /** How the parents of a task ended, by node name, else by task id. */
  async parentResults(taskId: string): Promise<Readonly<Record<string, ParentResult>>> {
    const rows = await run<{
      node: string;
      task_id: string;
      status: ParentResult["status"];
      result: Json;
      error: ErrorRecord | null;
    }>(this.#host.db, "select * from absurd.parent_results($1)", [taskId]);
    return Object.fromEntries(
      rows.map(({ node, task_id: parentId, status, result, error }) => [
        node,
        { taskId: parentId, status, result, error },
      ]),
    );
  }

  /** The workflow that a task is part of. @throws {WorkflowNotFound} */
  async idOf(taskId: string): Promise<string> {
    const [row] = await run<{ workflow_id: string | null }>(
      this.#host.db,
      "select workflow_id from absurd.task where id = $1",
      [String(taskNumber(taskId) ?? 0n)],
    );
    if (row?.workflow_id) return row.workflow_id;
    throw new WorkflowNotFound(`task ${taskId} is part of no workflow`);
  }

  /** Stores a template; its version is new only when its content is. @throws {InvalidWorkflow} */
  defineTemplate(
    definition: TemplateDefinition,
  ): Promise<{ readonly version: number; readonly created: boolean }> {
    return defineTemplate(this.#host.db, definition);
  }

  /** @throws {TemplateNotFound | InvalidWorkflow}, and what spawn throws */
  spawnTemplate(
    name: string,
    params: Readonly<Record<string, unknown>> = {},
    options: {
      version?: number | undefined;
      idempotencyKey?: string | undefined;
      tags?: readonly string[] | undefined;
    } & Pick<Scope, "on"> = {},
  ): Promise<SpawnedWorkflow> {
    const wire = { idempotency_key: options.idempotencyKey, tags: options.tags };
    return this.#spawned(
      options,
      "select workflow_id, created from absurd.spawn_template($1, $2, $3, $4)",
      [name, JSON.stringify(params), options.version ?? null, JSON.stringify(wire)],
    );
  }

  /** What spawnTemplate would spawn. @throws {TemplateNotFound | InvalidWorkflow} */
  planTemplate(
    name: string,
    params: Readonly<Record<string, unknown>> = {},
    version?: number,
  ): Promise<TemplatePlan> {
    return planTemplate(this.#host.db, name, params, version);
  }

  /** The newest version of each template, by name. */
  listTemplates(): Promise<TemplateView[]> {
    return listTemplates(this.#host.db);
  }

  /** @throws {TemplateNotFound} */
  showTemplate(name: string, version?: number): Promise<TemplateView> {
    return showTemplate(this.#host.db, name, version);
  }

  /**
   * Removes all versions of a template; its workflows stay.
   * @throws {TemplateNotFound}, {InvalidTransition} while a schedule uses it
   */
  deleteTemplate(name: string): Promise<void> {
    return deleteTemplate(this.#host.db, name);
  }

  async #spawned(scope: Scope, text: string, values: unknown[]): Promise<SpawnedWorkflow> {
    const [row] = await this.#call<{ workflow_id: string; created: boolean }>(scope, text, values);
    return { workflowId: row!.workflow_id, created: row!.created };
  }

  async #call<Row extends pg.QueryResultRow>(
    scope: Scope,
    text: string,
    values: unknown[],
  ): Promise<Row[]> {
    try {
      const rows = await run<Row>((scope.on as Db | undefined) ?? this.#host.db, text, values);
      if (!scope.on) this.#host.wake();
      return rows;
    } catch (error) {
      throw error instanceof UnknownTaskName ? await withNearNames(this.#host.db, error) : error;
    }
  }
}

/** @throws {WorkflowNotFound} for text that is no UUID, which PostgreSQL would refuse */
function workflowUuid(id: string): string {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) return id;
  throw new WorkflowNotFound(`no workflow ${id}: a workflow id is a UUID`);
}
