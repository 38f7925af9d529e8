/** What can be done to groups: said of some by a key, replayed or discarded as a whole. */
import type { FailureGroup } from "@contimg/contract";
import { type ReactNode, useState } from "react";

import { messageOf } from "../../api/api.tsx";
import { type SaidOfGroup, useSayOfGroups } from "../../api/failure-groups.ts";
import { useKeys } from "../../components/keys.ts";
import { useNotify } from "../../components/Toasts.tsx";
import { formatCountOf } from "../../format/quantity.ts";
import { useMay, useSession } from "../../session/session.tsx";
import { DeadLettersDialog, type DeadLetterAction } from "../dead-letters/DeadLettersDialog.tsx";

export interface FailureActions {
  readonly canAct: boolean;
  readonly selected: ReadonlySet<string>;
  readonly select: (fingerprints: ReadonlySet<string>) => void;
  readonly say: (fingerprints: readonly string[], said: SaidOfGroup, done: string) => void;
  readonly ask: (action: DeadLetterAction, group: FailureGroup) => void;
  readonly dialog: ReactNode;
}

/** @param chosen what keys are for while nothing is selected */
export function useFailureActions(chosen: FailureGroup | undefined): FailureActions {
  const canAct = useMay("operator");
  const { actor } = useSession();
  const [selected, select] = useState<ReadonlySet<string>>(new Set());
  const [asked, setAsked] = useState<{ action: DeadLetterAction; group: FailureGroup }>();
  const saying = useSayOfGroups();
  const notify = useNotify();

  function say(fingerprints: readonly string[], said: SaidOfGroup, done: string): void {
    saying.mutate(
      { fingerprints, said },
      {
        onSuccess: () => {
          notify(`${formatCountOf(fingerprints.length, "group")} ${done}`);
          select(new Set());
        },
        onError: (error) => {
          notify({ message: messageOf(error), tone: "failed" });
        },
      },
    );
  }

  function sayOfThese(said: SaidOfGroup, done: string): void {
    const these = selected.size > 0 ? [...selected] : chosen ? [chosen.fingerprint] : [];
    if (these.length > 0) say(these, said, done);
  }

  useKeys(
    "Failures",
    canAct
      ? SAID.map(({ key, label, said, done }) => ({
          keys: key,
          label: `${label}: the selected, or the one that is open`,
          run: () => {
            sayOfThese(said(actor ?? ""), done);
          },
        }))
      : [],
  );

  const dialog = asked && (
    <DeadLettersDialog
      action={asked.action}
      filter={{ fingerprint: asked.group.fingerprint }}
      onStarted={() => {
        // What is being replayed has been looked at: it goes on to be resolved by itself.
        if (asked.action !== "discard" && asked.group.state !== "acknowledged") {
          saying.mutate({
            fingerprints: [asked.group.fingerprint],
            said: { state: "acknowledged" },
          });
        }
      }}
      onClose={() => {
        setAsked(undefined);
      }}
    />
  );
  const ask = (action: DeadLetterAction, group: FailureGroup) => {
    setAsked({ action, group });
  };
  return { canAct, selected, select, say, ask, dialog };
}

interface Said {
  readonly key: string;
  readonly label: string;
  readonly done: string;
  readonly said: (actor: string) => SaidOfGroup;
}

/** In the order of buttons. */
export const SAID: readonly Said[] = [
  {
    key: "a",
    label: "Acknowledge",
    done: "acknowledged",
    said: () => ({ state: "acknowledged" }),
  },
  { key: "r", label: "Resolve", done: "resolved", said: () => ({ state: "resolved" }) },
  { key: "o", label: "Reopen", done: "opened again", said: () => ({ state: "open" }) },
  { key: "m", label: "Assign to me", done: "assigned", said: (actor) => ({ assignee: actor }) },
];
