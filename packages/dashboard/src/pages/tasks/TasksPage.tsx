/** Tasks: to be filled. */
import { Page } from "../../components/Page.tsx";
import { EmptyState } from "../../components/states.tsx";

export function TasksPage() {
  return (
    <Page title="Tasks">
      <EmptyState title="This page is not built yet." />
    </Page>
  );
}
