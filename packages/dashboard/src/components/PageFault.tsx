/** A page that failed to draw, or to load: the rest of the frame goes on. */
import type { ErrorComponentProps } from "@tanstack/react-router";

import { messageOf } from "../api/api.tsx";
import { Page } from "./Page.tsx";

export function PageFault({ error, reset }: ErrorComponentProps) {
  return (
    <Page title="This page failed">
      <div className="notice is-danger" role="alert">
        <p>{messageOf(error)}</p>
        <button onClick={reset}>Try again</button>
      </div>
      <p className="muted">
        When a newer version was just installed, load the page anew to get its parts.
      </p>
    </Page>
  );
}
