/**
 * Dialogs: Radix keeps focus inside and gives it back. Its own overlay is not used, since it writes
 * a style element, which a strict content security policy refuses.
 */
import { Dialog as Radix } from "radix-ui";
import { type ReactNode, type SyntheticEvent, useId, useState } from "react";

import { messageOf } from "../api/api.tsx";
import "./Dialog.css";

interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
  /** wide: for forms and JSON. */
  readonly size?: "narrow" | "wide";
}

/** Shown while it is rendered. */
export function Dialog({ title, onClose, children, size = "narrow" }: DialogProps) {
  return (
    <Radix.Root
      open
      onOpenChange={(isOpen) => {
        if (!isOpen) onClose();
      }}
    >
      <Radix.Portal>
        <div className="dialog-backdrop" />
        <Radix.Content className={`dialog is-${size}`} aria-describedby={undefined}>
          <header className="dialog-head">
            <Radix.Title>{title}</Radix.Title>
            <Radix.Close className="plain icon" aria-label="Close">
              ✕
            </Radix.Close>
          </header>
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

interface ConfirmDialogProps {
  readonly title: string;
  /** What happens, and what does not. */
  readonly children: ReactNode;
  /** The verb: Cancel 12 tasks. */
  readonly action: string;
  readonly isDangerous?: boolean;
  readonly size?: "narrow" | "wide";
  /** required: as the route has it. */
  readonly reason?: "required" | "optional" | "none";
  /** Closes the dialog when it is done; what it throws is shown. */
  readonly onConfirm: (reason: string | undefined) => Promise<unknown>;
  readonly onClose: () => void;
}

/** Asks once more, and why: the reason goes into the audit log. */
export function ConfirmDialog({
  title,
  children,
  action,
  isDangerous = false,
  size = "narrow",
  reason: wanted = "optional",
  onConfirm,
  onClose,
}: ConfirmDialogProps) {
  const [reason, setReason] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const id = useId();

  async function confirm(): Promise<void> {
    setBusy(true);
    setError(undefined);
    try {
      await onConfirm(reason.trim() === "" ? undefined : reason.trim());
      onClose();
    } catch (thrown) {
      setError(thrown);
      setBusy(false);
    }
  }

  function submit(event: SyntheticEvent): void {
    event.preventDefault();
    void confirm();
  }

  return (
    <Dialog title={title} onClose={onClose} size={size}>
      <form onSubmit={submit} className="stack dialog-body">
        <div>{children}</div>
        {wanted !== "none" && (
          <div className="field">
            <label htmlFor={id}>Reason{wanted === "optional" && " (optional)"}</label>
            <input
              id={id}
              autoFocus
              autoComplete="off"
              required={wanted === "required"}
              maxLength={500}
              value={reason}
              onChange={(event) => {
                setReason(event.target.value);
              }}
            />
          </div>
        )}
        {error !== undefined && (
          <p className="danger-text" role="alert">
            {messageOf(error)}
          </p>
        )}
        <footer className="dialog-foot">
          <button type="button" onClick={onClose}>
            Back
          </button>
          <button
            className={isDangerous ? "danger" : "primary"}
            disabled={isBusy || (wanted === "required" && reason.trim() === "")}
          >
            {isBusy ? "Working…" : action}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
