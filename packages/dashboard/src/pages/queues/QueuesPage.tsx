/** Queues: to be filled. */
import { Page } from "../../components/Page.tsx";
import { EmptyState } from "../../components/states.tsx";

export function QueuesPage() {
  return (
    <Page title="Queues">
      <EmptyState title="This page is not built yet." />
    </Page>
  );
}
