/** What a running task may do with the workflow that it is part of. */
import type { Json } from "./task.ts";
import type { ErrorRecord } from "./task-view.ts";
import type { WorkflowNodes } from "./workflow.ts";
import type { AddedNode, Workflows } from "./workflows.ts";

/** How a parent ended. */
export interface ParentResult {
  readonly taskId: string;
  readonly status: "completed" | "failed" | "cancelled";
  /** Of a fan-out, the list of its elements' results. */
  readonly result: Json;
  /** Its tag is "Skipped" for a task that was skipped. */
  readonly error: ErrorRecord | null;
}

export class AttemptWorkflow {
  readonly #workflows: Workflows;
  readonly #taskId: string;
  readonly #fence: string;

  constructor(workflows: Workflows, taskId: string, fence: string) {
    this.#workflows = workflows;
    this.#taskId = taskId;
    this.#fence = fence;
  }

  /**
   * Adds nodes, fenced: a stale attempt adds nothing. A name that the workflow has is left as it
   * is, so an attempt may add again what the one before it added.
   * @throws {LeaseLost}, {WorkflowNotFound} when the task is part of none
   */
  async add(nodes: WorkflowNodes): Promise<AddedNode[]> {
    const workflowId = await this.#workflows.idOf(this.#taskId);
    return this.#workflows.add(workflowId, nodes, { fence: this.#fence });
  }
}
