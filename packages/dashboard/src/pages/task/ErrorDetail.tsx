/** An error as it is stored: what, of which class, with which values, from where. */
import type { ErrorRecord } from "@contimg/contract";

import { CopyButton } from "../../components/CopyButton.tsx";
import { JsonView } from "../../components/JsonView.tsx";

/** What follows from a class. */
const CLASS_MEANING: Readonly<Record<string, string>> = {
  retryable: "may pass by itself, and is tried again",
  recoverable: "passes when something is mended first",
  fatal: "does not pass by trying again",
  validation: "the params are wrong",
};

export function ErrorDetail({ error }: { error: ErrorRecord }) {
  const meaning = CLASS_MEANING[error.class];
  return (
    <div className="body stack">
      <p>
        <strong>{error.tag}</strong>{" "}
        <span className="muted">
          {error.class}
          {meaning && `: ${meaning}`}
        </span>
      </p>
      <pre className="error-message">{error.message}</pre>
      {Object.keys(error.fields).length > 0 && (
        <JsonView value={error.fields} label="Fields of the error" />
      )}
      {error.stack && (
        <details>
          <summary>Stack</summary>
          <CopyButton text={error.stack} />
          <pre className="error-stack">{error.stack}</pre>
        </details>
      )}
    </div>
  );
}
