/** A replay with other params: the patch, and what it makes of the first of the tasks. */
import { useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";

import { useApi } from "../../api/api.tsx";
import { useReplayPatched } from "../../api/dead-letters.ts";
import { taskQuery } from "../../api/tasks.ts";
import { ConfirmDialog } from "../../components/Dialog.tsx";
import { type Json, JsonEditor, jsonFault, parseJson } from "../../components/JsonEditor.tsx";
import { QueryRegion } from "../../components/states.tsx";
import { useNotify } from "../../components/Toasts.tsx";
import { formatCount, formatCountOf } from "../../format/quantity.ts";
import { isObject, patchParams } from "./dead-letters.model.ts";
import "./dead-letters.css";

interface PatchDialogProps {
  readonly taskIds: readonly string[];
  readonly note: string | undefined;
  readonly onStarted: () => void;
  readonly onClose: () => void;
}

export function PatchDialog({ taskIds, note, onStarted, onClose }: PatchDialogProps) {
  const example = useQuery(taskQuery(useApi(), taskIds[0]!));
  const [text, setText] = useState("{\n  \n}");
  const [isReset, setReset] = useState(true);
  const [done, setDone] = useState<number>();
  const replay = useReplayPatched();
  const notify = useNotify();
  const id = useId();

  async function run(reason = ""): Promise<void> {
    const patch = parseJson(text);
    if (!isObject(patch)) throw new Error("The patch has to be an object, {…}");
    const started = await replay.mutateAsync({
      taskIds,
      patch: Object.keys(patch).length === 0 ? undefined : { ...patch },
      resetAttempts: isReset,
      reason,
      onProgress: setDone,
    });
    notify(`${formatCountOf(started, "task")} of ${formatCount(taskIds.length)} begin again`);
    onStarted();
  }

  return (
    <ConfirmDialog
      title="Replay with other params"
      action={`Replay ${formatCount(taskIds.length)}`}
      reason="required"
      size="wide"
      onConfirm={run}
      onClose={onClose}
    >
      <div className="stack">
        <p>
          {formatCountOf(taskIds.length, "dead task")}: members of the patch replace those of the
          same name in the params, <code>null</code> takes one away. This cannot be taken back.
        </p>
        {note !== undefined && <p className="muted">{note}</p>}
        <JsonEditor label="Patch" text={text} onChange={setText} rows={5} />
        <QueryRegion query={example}>
          {(task) => <BeforeAfter before={task.params} text={text} />}
        </QueryRegion>
        <div className="row">
          <input
            id={id}
            type="checkbox"
            checked={!isReset}
            onChange={(event) => {
              setReset(!event.target.checked);
            }}
          />
          <label htmlFor={id}>Only the attempts that are left, at least one; not all anew</label>
        </div>
        {done !== undefined && (
          <progress
            className="wide-progress"
            max={taskIds.length}
            value={done}
            aria-label={`${formatCount(done)} of ${formatCount(taskIds.length)}`}
          />
        )}
      </div>
    </ConfirmDialog>
  );
}

function BeforeAfter({ before, text }: { before: Json; text: string }) {
  if (jsonFault(text) !== undefined) return null;
  const patched = patchParams(before, parseJson(text));
  if (patched.fault !== undefined) {
    return (
      <p className="danger-text" role="alert">
        {patched.fault}
      </p>
    );
  }
  const { after, changed } = patched;
  return (
    <div className="before-after">
      <ParamLines title="Params of the first, now" value={before} marked={changed} />
      <ParamLines title="After the patch" value={after} marked={changed} />
    </div>
  );
}

/** Members one a line; those that change are marked. */
function ParamLines(props: { title: string; value: Json; marked: readonly string[] }) {
  const { title, value, marked } = props;
  return (
    <div>
      <h3>{title}</h3>
      <pre className="param-lines" tabIndex={0} aria-label={title}>
        {isObject(value)
          ? Object.entries(value).map(([key, member]) => {
              const line = `${key}: ${JSON.stringify(member)}\n`;
              return marked.includes(key) ? <mark key={key}>{line}</mark> : line;
            })
          : JSON.stringify(value, null, 2)}
      </pre>
    </div>
  );
}
