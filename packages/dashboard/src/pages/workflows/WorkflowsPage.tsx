/** Workflows: to be filled. */
import { Page } from "../../components/Page.tsx";
import { EmptyState } from "../../components/states.tsx";

export function WorkflowsPage() {
  return (
    <Page title="Workflows">
      <EmptyState title="This page is not built yet." />
    </Page>
  );
}
