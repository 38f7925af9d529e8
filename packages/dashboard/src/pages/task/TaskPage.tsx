/** Task: to be filled. */
import { Page } from "../../components/Page.tsx";
import { EmptyState } from "../../components/states.tsx";

export function TaskPage() {
  return (
    <Page title="Task">
      <EmptyState title="This page is not built yet." />
    </Page>
  );
}
