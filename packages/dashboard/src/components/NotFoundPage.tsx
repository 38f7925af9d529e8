/** An address that leads nowhere. */
import { Link } from "@tanstack/react-router";

import { Page } from "./Page.tsx";
import { EmptyState } from "./states.tsx";

export function NotFoundPage() {
  return (
    <Page title="Not found">
      <EmptyState title="There is no page at this address.">
        <Link to="/">To the overview</Link>
      </EmptyState>
    </Page>
  );
}
