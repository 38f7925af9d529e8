/** The dialogs of the page Tasks: one task's, or those of many. */
import type { TaskSummary } from "@contimg/contract";
import { type ReactNode, useCallback, useState } from "react";

import { BulkDialog, type BulkSelection } from "../../components/BulkDialog.tsx";
import type { BulkVerb } from "../../components/bulk.model.ts";
import { CancelDialog, MoveDialog, RetryDialog } from "../../components/TaskDialogs.tsx";

type OneTask = { readonly action: "cancel" | "retry" | "move"; readonly task: TaskSummary };
type ManyTasks = { readonly action: BulkVerb; readonly selection: BulkSelection };

export interface TaskDialogs {
  readonly askOne: (action: OneTask["action"], task: TaskSummary) => void;
  readonly askMany: (action: BulkVerb, selection: BulkSelection) => void;
  readonly dialog: ReactNode;
}

/** @param onStarted an action on many has begun */
export function useTaskDialogs(onStarted: () => void): TaskDialogs {
  const [one, setOne] = useState<OneTask>();
  const [many, setMany] = useState<ManyTasks>();
  const askOne = useCallback((action: OneTask["action"], task: TaskSummary) => {
    setOne({ action, task });
  }, []);
  const askMany = useCallback((action: BulkVerb, selection: BulkSelection) => {
    setMany({ action, selection });
  }, []);
  const close = () => {
    setOne(undefined);
    setMany(undefined);
  };
  const dialog = one ? (
    <OneTaskDialog {...one} onClose={close} />
  ) : (
    many && <BulkDialog {...many} onStarted={onStarted} onClose={close} />
  );
  return { askOne, askMany, dialog };
}

function OneTaskDialog({ action, task, onClose }: OneTask & { onClose: () => void }) {
  if (action === "cancel") return <CancelDialog task={task} onClose={onClose} />;
  if (action === "retry") return <RetryDialog task={task} onClose={onClose} />;
  return <MoveDialog task={task} onClose={onClose} />;
}
