/** Rerun and cancel of a workflow: what each touches is said before it is done. */
import { useQueryClient } from "@tanstack/react-query";
import type { WorkflowEdge, WorkflowSummary } from "@contimg/contract";
import { type ReactNode, useState } from "react";

import { useApi } from "../../api/api.tsx";
import { ConfirmDialog } from "../../components/Dialog.tsx";
import { useNotify } from "../../components/Toasts.tsx";
import { formatCountOf } from "../../format/quantity.ts";
import { useMay } from "../../session/session.tsx";
import { descendantsOf } from "./workflows.model.ts";

export type WorkflowAction =
  | { readonly kind: "cancel" }
  | { readonly kind: "rerun-failed" }
  | { readonly kind: "rerun-from"; readonly node: string; readonly descendants: boolean };

export interface WorkflowActions {
  /** Undefined: the role does not allow any. */
  readonly ask: ((action: WorkflowAction) => void) | undefined;
  readonly dialog: ReactNode;
}

export function useWorkflowActions(
  workflow: WorkflowSummary | undefined,
  edges: readonly WorkflowEdge[],
): WorkflowActions {
  const [action, setAction] = useState<WorkflowAction>();
  const mayOperate = useMay("operator");
  const close = () => {
    setAction(undefined);
  };
  return {
    ask: mayOperate ? setAction : undefined,
    dialog: workflow && action && (
      <ActionDialog workflow={workflow} edges={edges} action={action} onClose={close} />
    ),
  };
}

interface ActionDialogProps {
  readonly workflow: WorkflowSummary;
  readonly edges: readonly WorkflowEdge[];
  readonly action: WorkflowAction;
  readonly onClose: () => void;
}

function ActionDialog({ workflow, edges, action, onClose }: ActionDialogProps) {
  const run = useAction(workflow, action);
  const words = wordsOf(workflow, edges, action);
  return (
    <ConfirmDialog
      title={words.title}
      action={words.verb}
      isDangerous={action.kind === "cancel"}
      onConfirm={run}
      onClose={onClose}
    >
      {words.says}
    </ConfirmDialog>
  );
}

function wordsOf(
  workflow: WorkflowSummary,
  edges: readonly WorkflowEdge[],
  action: WorkflowAction,
): { readonly title: string; readonly verb: string; readonly says: string } {
  switch (action.kind) {
    case "cancel":
      return {
        title: `Cancel ${workflow.name}?`,
        verb: "Cancel the workflow",
        says:
          `${formatCountOf(workflow.open_tasks, "task")} that have not ended are cancelled, ` +
          "those that run are told to stop. What has completed stays.",
      };
    case "rerun-failed":
      return {
        title: "Rerun what failed?",
        verb: "Rerun failed",
        says:
          `${formatCountOf(workflow.failed_tasks, "failed task")} and what was cancelled for ` +
          "them run again. Good results stay.",
      };
    case "rerun-from": {
      const count = descendantsOf(edges, action.node).size;
      return {
        title: `Rerun ${action.node}?`,
        verb: "Rerun",
        says: action.descendants
          ? `It and the ${formatCountOf(count, "node")} that depend on it run again; their ` +
            "results are replaced."
          : "It alone runs again; what depends on it keeps its results.",
      };
    }
  }
}

function useAction(workflow: WorkflowSummary, action: WorkflowAction) {
  const { client } = useApi();
  const queries = useQueryClient();
  const notify = useNotify();
  const params = { workflow_id: workflow.workflow_id };
  return async (reason: string | undefined): Promise<void> => {
    const because = reason === undefined ? {} : { reason };
    if (action.kind === "cancel") {
      const answer = await client.call("cancelWorkflow", { params, query: because });
      notify(`${formatCountOf(answer.cancelled_tasks, "task")} cancelled`);
    } else {
      const part =
        action.kind === "rerun-failed"
          ? { failed_only: true as const }
          : { from: [action.node], descendants: action.descendants };
      const answer = await client.call("rerunWorkflow", { params, body: { ...part, ...because } });
      notify(`${formatCountOf(answer.nodes.length, "node")} run again`);
    }
    await Promise.all([
      queries.invalidateQueries({ queryKey: ["workflows"] }),
      queries.invalidateQueries({ queryKey: ["workflow-dag"] }),
    ]);
  };
}
