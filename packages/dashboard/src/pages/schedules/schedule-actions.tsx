/** Pause, resume, trigger and delete of a schedule, asked once more, with a reason. */
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import type { Schedule } from "@contimg/contract";
import { type ReactNode, useState } from "react";

import { useApi } from "../../api/api.tsx";
import { ConfirmDialog } from "../../components/Dialog.tsx";
import type { MenuItem } from "../../components/Menu.tsx";
import { useNotify } from "../../components/Toasts.tsx";
import { useMay } from "../../session/session.tsx";
import { FIRING_LOOK, targetOf } from "./schedules.model.ts";

type Action = "pause" | "resume" | "trigger" | "delete";

const WORDS: Readonly<Record<Action, { verb: string; says: (schedule: Schedule) => string }>> = {
  pause: {
    verb: "Pause",
    says: () => "It does not fire until it is resumed. Instants that pass meanwhile are missed.",
  },
  resume: { verb: "Resume", says: () => "It fires at its instants again, from now on." },
  trigger: {
    verb: "Trigger now",
    says: (schedule) => `Spawns ${targetOf(schedule)} now, beside its own instants.`,
  },
  delete: {
    verb: "Delete",
    says: () => "The schedule and its history of firings go; what it spawned stays.",
  },
};

export function useScheduleActions(): {
  readonly itemsOf: (schedule: Schedule) => MenuItem[];
  readonly dialog: ReactNode;
} {
  const [asked, setAsked] = useState<{ action: Action; schedule: Schedule }>();
  const mayOperate = useMay("operator");
  const itemsOf = (schedule: Schedule): MenuItem[] => {
    if (!mayOperate) return [];
    const actions: Action[] = ["trigger"];
    if (schedule.state !== "ended") actions.push(schedule.state === "paused" ? "resume" : "pause");
    actions.push("delete");
    return actions.map((action) => ({
      label: WORDS[action].verb,
      isDangerous: action === "delete",
      run: () => {
        setAsked({ action, schedule });
      },
    }));
  };
  const dialog = asked && (
    <ScheduleDialog
      {...asked}
      onClose={() => {
        setAsked(undefined);
      }}
    />
  );
  return { itemsOf, dialog };
}

function ScheduleDialog(props: { action: Action; schedule: Schedule; onClose: () => void }) {
  const { action, schedule, onClose } = props;
  const { client } = useApi();
  const queries = useQueryClient();
  const notify = useNotify();
  const navigate = useNavigate();
  const { name } = schedule;
  const params = { name };

  async function run(reason: string | undefined): Promise<void> {
    const because = reason === undefined ? {} : { reason };
    if (action === "trigger") {
      const firing = await client.call("triggerSchedule", { params, body: because });
      const more = firing.reason === null ? "" : `: ${firing.reason}`;
      notify(`${name}: ${FIRING_LOOK[firing.state].word.toLowerCase()}${more}`);
    } else if (action === "delete") {
      await client.call("deleteSchedule", { params, query: because });
      notify(`Schedule ${name} deleted`);
      await navigate({ to: "/schedules" });
    } else {
      const state = action === "pause" ? "paused" : "active";
      await client.call("updateSchedule", { params, body: { state, ...because } });
      notify(`Schedule ${name} ${action === "pause" ? "is paused" : "goes on"}`);
    }
    await queries.invalidateQueries({ queryKey: ["schedules"] });
  }

  return (
    <ConfirmDialog
      title={`${WORDS[action].verb}: ${name}?`}
      action={WORDS[action].verb}
      isDangerous={action === "delete"}
      onConfirm={run}
      onClose={onClose}
    >
      {WORDS[action].says(schedule)}
    </ConfirmDialog>
  );
}
