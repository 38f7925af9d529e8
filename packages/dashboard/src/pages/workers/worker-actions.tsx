/** Drain, resume and stop of a worker: asked once more, with a reason, and a grace of a stop. */
import { useQueryClient } from "@tanstack/react-query";
import type { Worker } from "@contimg/contract";
import { type ReactNode, useId, useState } from "react";

import { useApi } from "../../api/api.tsx";
import { ConfirmDialog } from "../../components/Dialog.tsx";
import type { MenuItem } from "../../components/Menu.tsx";
import { useNotify } from "../../components/Toasts.tsx";
import { formatCountOf } from "../../format/quantity.ts";
import { useMay } from "../../session/session.tsx";

type Action = "drainWorker" | "resumeWorker" | "stopWorker";

const WORDS: Readonly<Record<Action, { verb: string; done: string; says: string }>> = {
  drainWorker: {
    verb: "Drain",
    done: "drains",
    says: "It claims nothing any more, ends what it runs, and stays.",
  },
  resumeWorker: { verb: "Resume", done: "claims again", says: "It claims tasks again." },
  stopWorker: {
    verb: "Stop",
    done: "was told to stop",
    says: "It ends. What still runs after the grace is given back, for others to run.",
  },
};

const GRACE_SECONDS = 30;

export function useWorkerActions(): {
  readonly itemsOf: (worker: Worker) => MenuItem[];
  readonly dialog: ReactNode;
} {
  const [asked, setAsked] = useState<{ action: Action; worker: Worker }>();
  const mayOperate = useMay("operator");
  const itemsOf = (worker: Worker): MenuItem[] => {
    if (!mayOperate || worker.state === "crashed") return [];
    const actions: Action[] =
      worker.state === "draining" || worker.state === "stopping"
        ? ["resumeWorker", "stopWorker"]
        : ["drainWorker", "stopWorker"];
    return actions.map((action) => ({
      label: WORDS[action].verb,
      isDangerous: action === "stopWorker",
      run: () => {
        setAsked({ action, worker });
      },
    }));
  };
  const dialog = asked && (
    <WorkerDialog
      {...asked}
      onClose={() => {
        setAsked(undefined);
      }}
    />
  );
  return { itemsOf, dialog };
}

function WorkerDialog(props: { action: Action; worker: Worker; onClose: () => void }) {
  const { action, worker, onClose } = props;
  const [grace, setGrace] = useState(String(GRACE_SECONDS));
  const { client } = useApi();
  const queries = useQueryClient();
  const notify = useNotify();
  const id = useId();
  const { verb, done, says } = WORDS[action];

  async function run(reason: string | undefined): Promise<void> {
    const params = { number: worker.number };
    const because = reason === undefined ? {} : { reason };
    if (action === "stopWorker") {
      const body = { ...because, grace_seconds: Number(grace) };
      await client.call("stopWorker", { params, body });
    } else {
      await client.call(action, { params, body: because });
    }
    await queries.invalidateQueries({ queryKey: ["workers"] });
    notify(`Worker ${worker.worker_id} ${done}`);
  }

  return (
    <ConfirmDialog
      title={`${verb} worker ${worker.worker_id}?`}
      action={verb}
      isDangerous={action === "stopWorker"}
      onConfirm={run}
      onClose={onClose}
    >
      <p>
        {says} It runs {formatCountOf(worker.task_count, "task")} now.
      </p>
      {action === "stopWorker" && (
        <div className="field worker-grace">
          <label htmlFor={id}>Grace in seconds</label>
          <input
            id={id}
            type="number"
            min={0}
            max={86_400}
            required
            value={grace}
            onChange={(event) => {
              setGrace(event.target.value);
            }}
          />
        </div>
      )}
    </ConfirmDialog>
  );
}
