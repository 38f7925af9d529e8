/** Pause, resume and drain of a queue: what each does, asked once more, with a reason. */
import { useQueryClient } from "@tanstack/react-query";
import type { Queue } from "@contimg/contract";
import { type ReactNode, useState } from "react";

import { useApi } from "../../api/api.tsx";
import { ConfirmDialog } from "../../components/Dialog.tsx";
import type { MenuItem } from "../../components/Menu.tsx";
import { useNotify } from "../../components/Toasts.tsx";
import { useMay } from "../../session/session.tsx";

type Action = "pauseQueue" | "resumeQueue" | "drainQueue";

const WORDS: Readonly<Record<Action, { verb: string; done: string; says: string }>> = {
  pauseQueue: {
    verb: "Pause",
    done: "is paused",
    says: "Nothing of it begins any more; what runs goes on. New tasks are taken and wait.",
  },
  resumeQueue: {
    verb: "Resume",
    done: "goes on",
    says: "Workers claim its tasks again, and new tasks are taken.",
  },
  drainQueue: {
    verb: "Drain",
    done: "drains",
    says: "New tasks are refused; those that are there are done.",
  },
};

/** The actions that make sense now, and the dialog of the one that was chosen. */
export function useQueueActions(): {
  readonly itemsOf: (queue: Queue) => MenuItem[];
  readonly dialog: ReactNode;
} {
  const [asked, setAsked] = useState<{ action: Action; queue: Queue }>();
  const mayOperate = useMay("operator");
  const itemsOf = (queue: Queue): MenuItem[] => {
    if (!mayOperate) return [];
    const actions: Action[] =
      queue.paused || queue.draining ? ["resumeQueue"] : ["pauseQueue", "drainQueue"];
    if (queue.draining && !queue.paused) actions.push("pauseQueue");
    return actions.map((action) => ({
      label: WORDS[action].verb,
      run: () => {
        setAsked({ action, queue });
      },
    }));
  };
  const dialog = asked && (
    <QueueDialog
      {...asked}
      onClose={() => {
        setAsked(undefined);
      }}
    />
  );
  return { itemsOf, dialog };
}

function QueueDialog(props: { action: Action; queue: Queue; onClose: () => void }) {
  const { action, queue, onClose } = props;
  const { client } = useApi();
  const queries = useQueryClient();
  const notify = useNotify();
  const { verb, done, says } = WORDS[action];
  const name = queue.queue_name;
  return (
    <ConfirmDialog
      title={`${verb} queue ${name}?`}
      action={verb}
      onClose={onClose}
      onConfirm={async (reason) => {
        await client.call(action, {
          params: { queue_name: name },
          body: reason === undefined ? {} : { reason },
        });
        await queries.invalidateQueries({ queryKey: ["queues"] });
        notify(`Queue ${name} ${done}`);
      }}
    >
      {says}
    </ConfirmDialog>
  );
}
