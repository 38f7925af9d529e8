/** Schedules: to be filled. */
import { Page } from "../../components/Page.tsx";
import { EmptyState } from "../../components/states.tsx";

export function SchedulesPage() {
  return (
    <Page title="Schedules">
      <EmptyState title="This page is not built yet." />
    </Page>
  );
}
