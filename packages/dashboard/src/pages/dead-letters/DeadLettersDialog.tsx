/**
 * Replay, replay with other params, discard: of all that fit a filter. A dry run says which these
 * are; exactly those are taken, whatever dies meanwhile.
 */
import { useQuery } from "@tanstack/react-query";

import { useApi } from "../../api/api.tsx";
import {
  type DeadLetterFilter,
  deadLetterDryRunQuery,
  HANDLED_MAX,
  useForgetDeadLetters,
} from "../../api/dead-letters.ts";
import { BulkDialog } from "../../components/BulkDialog.tsx";
import { Dialog } from "../../components/Dialog.tsx";
import { EmptyState, QueryRegion } from "../../components/states.tsx";
import { formatCount } from "../../format/quantity.ts";
import { PatchDialog } from "./PatchDialog.tsx";

export type DeadLetterAction = "replay" | "patch" | "discard";

interface DeadLettersDialogProps {
  readonly action: DeadLetterAction;
  readonly filter: DeadLetterFilter;
  readonly onStarted?: (() => void) | undefined;
  readonly onClose: () => void;
}

export function DeadLettersDialog(props: DeadLettersDialogProps) {
  const { action, filter, onStarted, onClose } = props;
  const query = useQuery({
    ...deadLetterDryRunQuery(useApi(), filter),
    refetchOnWindowFocus: false,
  });
  const forget = useForgetDeadLetters();
  const taskIds = query.data?.task_ids;
  if (!taskIds || taskIds.length === 0) {
    return (
      <Dialog title="Which tasks" onClose={onClose}>
        <div className="dialog-body">
          <QueryRegion query={query}>
            {() => <EmptyState title="No dead task fits any more" />}
          </QueryRegion>
        </div>
      </Dialog>
    );
  }
  const note =
    taskIds.length < HANDLED_MAX
      ? undefined
      : `There are more: these are the ${formatCount(HANDLED_MAX)} that died first.`;
  const started = () => {
    void forget();
    onStarted?.();
  };
  if (action === "patch") {
    return <PatchDialog taskIds={taskIds} note={note} onStarted={started} onClose={onClose} />;
  }
  return (
    <BulkDialog
      action={action === "replay" ? "retry" : "discard"}
      selection={{ task_ids: taskIds }}
      known={taskIds.length}
      note={note}
      onStarted={started}
      onClose={onClose}
    />
  );
}
