/** Bulk actions: to be filled. */
import { Page } from "../../components/Page.tsx";
import { EmptyState } from "../../components/states.tsx";

export function BulkActionsPage() {
  return (
    <Page title="Bulk actions">
      <EmptyState title="This page is not built yet." />
    </Page>
  );
}
