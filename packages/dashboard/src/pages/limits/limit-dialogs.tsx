/** Setting a limit, a new one too, and removing one: with a reason. */
import type { Limit } from "@contimg/contract";
import { type ReactNode, useId, useState } from "react";

import { useLimitActions } from "../../api/limits.ts";
import { ConfirmDialog } from "../../components/Dialog.tsx";
import { useNotify } from "../../components/Toasts.tsx";
import { formatCountOf } from "../../format/quantity.ts";
import { KIND_MEANING, KIND_WORD, numbersOf } from "./limits.model.ts";

type Asked =
  { readonly action: "new" } | { readonly action: "set" | "remove"; readonly limit: Limit };

export type AskLimit = (asked: Asked) => void;

export function useLimitDialogs(): { readonly ask: AskLimit; readonly dialog: ReactNode } {
  const [asked, setAsked] = useState<Asked>();
  const onClose = () => {
    setAsked(undefined);
  };
  const dialog =
    asked &&
    (asked.action === "remove" ? (
      <RemoveDialog limit={asked.limit} onClose={onClose} />
    ) : (
      <SetDialog limit={asked.action === "set" ? asked.limit : undefined} onClose={onClose} />
    ));
  return { ask: setAsked, dialog };
}

/** @param limit undefined: a new one */
function SetDialog({ limit, onClose }: { limit: Limit | undefined; onClose: () => void }) {
  const [kind, setKind] = useState<"key" | "rate">(limit?.kind === "rate" ? "rate" : "key");
  const [name, setName] = useState(limit?.name ?? "");
  const [count, setCount] = useState(String(limit?.limit ?? ""));
  const [period, setPeriod] = useState(String(limit?.period_seconds ?? ""));
  const { set } = useLimitActions();
  const notify = useNotify();
  const id = useId();
  return (
    <ConfirmDialog
      title={limit ? `Set ${limit.kind} ${limit.name}` : "New limit"}
      action="Set"
      onClose={onClose}
      onConfirm={async (reason) => {
        const numbers = numbersOf(kind, { count, period });
        const because = reason === undefined ? {} : { reason };
        await set.mutateAsync({ kind, name: name.trim(), body: { ...numbers, ...because } });
        notify(`${KIND_WORD[kind]} ${name.trim()} is set`);
      }}
    >
      <div className="stack">
        {!limit && (
          <>
            <div className="field">
              <label htmlFor={`${id}-kind`}>Kind</label>
              <select
                id={`${id}-kind`}
                value={kind}
                onChange={(event) => {
                  setKind(event.target.value === "rate" ? "rate" : "key");
                }}
              >
                <option value="key">Key: tasks at once</option>
                <option value="rate">Rate: starts in a period</option>
              </select>
            </div>
            <Text id={`${id}-name`} label="Name" value={name} onChange={setName} />
          </>
        )}
        <p className="muted">
          {KIND_MEANING[kind]} What you set stays: spawns do not change it any more. 0 lets nobody
          in.
        </p>
        <Text
          id={`${id}-count`}
          label={kind === "rate" ? "Starts in a period" : "Tasks at once"}
          value={count}
          onChange={setCount}
          isNumber
        />
        {kind === "rate" && (
          <Text
            id={`${id}-period`}
            label="Period in seconds"
            value={period}
            onChange={setPeriod}
            isNumber
          />
        )}
        {limit && kind === "key" && Number(count) < limit.in_use && count !== "" && (
          <p className="warn-text">
            {formatCountOf(limit.in_use, "task")} are in it now and stay; nobody new comes in until
            there are fewer.
          </p>
        )}
      </div>
    </ConfirmDialog>
  );
}

function Text(props: {
  id: string;
  label: string;
  value: string;
  onChange: (value: string) => void;
  isNumber?: boolean;
}) {
  const { id, label, value, onChange, isNumber = false } = props;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        required
        autoComplete="off"
        maxLength={200}
        inputMode={isNumber ? "decimal" : "text"}
        value={value}
        onChange={(event) => {
          onChange(event.target.value);
        }}
      />
    </div>
  );
}

function RemoveDialog({ limit, onClose }: { limit: Limit; onClose: () => void }) {
  const { remove } = useLimitActions();
  const notify = useNotify();
  return (
    <ConfirmDialog
      title={`Remove ${limit.kind} ${limit.name}`}
      action="Remove"
      isDangerous
      onClose={onClose}
      onConfirm={async (reason) => {
        await remove.mutateAsync({ kind: limit.kind, name: limit.name, reason });
        notify(`${KIND_WORD[limit.kind]} ${limit.name} is removed`);
      }}
    >
      <p>
        It is forgotten, and with it what was set; the next spawn that names it makes it anew. One
        that is in use cannot be removed.
      </p>
    </ConfirmDialog>
  );
}
