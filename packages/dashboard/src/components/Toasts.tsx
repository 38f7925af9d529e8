/** Short notes about what was done: said aloud, kept until read or ten seconds old. */
import { createContext, type ReactNode, use, useCallback, useMemo, useRef, useState } from "react";

import "./Toasts.css";

export interface Toast {
  readonly message: string;
  readonly tone?: "done" | "failed";
  /** Such as Undo. */
  readonly action?: { readonly label: string; readonly run: () => void };
}

type Notify = (toast: Toast | string) => void;

const ToastContext = createContext<Notify | undefined>(undefined);

const SHOWN_MS = 10_000;

/** `const notify = useNotify(); notify("3 tasks cancelled")` */
export function useNotify(): Notify {
  const notify = use(ToastContext);
  if (!notify) throw new Error("useNotify is called outside of ToastProvider");
  return notify;
}

export function ToastProvider({ children }: { children: ReactNode }) {
  const [toasts, setToasts] = useState<readonly (Toast & { readonly number: number })[]>([]);
  const next = useRef(1);
  const remove = useCallback((number: number) => {
    setToasts((all) => all.filter((toast) => toast.number !== number));
  }, []);
  const notify = useMemo<Notify>(
    () => (given) => {
      const number = next.current++;
      const toast = typeof given === "string" ? { message: given } : given;
      setToasts((all) => [...all.slice(-3), { ...toast, number }]);
      setTimeout(() => {
        remove(number);
      }, SHOWN_MS);
    },
    [remove],
  );
  return (
    <ToastContext value={notify}>
      {children}
      <ol className="toasts" aria-live="polite" aria-label="Notes">
        {toasts.map((toast) => (
          <li key={toast.number} className={`toast is-${toast.tone ?? "done"}`}>
            <span className="grow">{toast.message}</span>
            {toast.action && (
              <button
                onClick={() => {
                  toast.action?.run();
                  remove(toast.number);
                }}
              >
                {toast.action.label}
              </button>
            )}
            <button
              className="plain icon"
              aria-label="Dismiss"
              onClick={() => {
                remove(toast.number);
              }}
            >
              ✕
            </button>
          </li>
        ))}
      </ol>
    </ToastContext>
  );
}
