/** Limits: to be filled. */
import { Page } from "../../components/Page.tsx";
import { EmptyState } from "../../components/states.tsx";

export function LimitsPage() {
  return (
    <Page title="Limits">
      <EmptyState title="This page is not built yet." />
    </Page>
  );
}
