/** Overview: to be filled. */
import { Page } from "../../components/Page.tsx";
import { EmptyState } from "../../components/states.tsx";

export function OverviewPage() {
  return (
    <Page title="Overview">
      <EmptyState title="This page is not built yet." />
    </Page>
  );
}
