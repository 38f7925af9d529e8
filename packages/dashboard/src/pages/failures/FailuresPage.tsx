/** Failures: to be filled. */
import { Page } from "../../components/Page.tsx";
import { EmptyState } from "../../components/states.tsx";

export function FailuresPage() {
  return (
    <Page title="Failures">
      <EmptyState title="This page is not built yet." />
    </Page>
  );
}
