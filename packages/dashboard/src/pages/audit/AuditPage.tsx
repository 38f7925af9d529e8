/** Audit: to be filled. */
import { Page } from "../../components/Page.tsx";
import { EmptyState } from "../../components/states.tsx";

export function AuditPage() {
  return (
    <Page title="Audit">
      <EmptyState title="This page is not built yet." />
    </Page>
  );
}
