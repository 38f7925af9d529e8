/** Templates: to be filled. */
import { Page } from "../../components/Page.tsx";
import { EmptyState } from "../../components/states.tsx";

export function TemplatesPage() {
  return (
    <Page title="Templates">
      <EmptyState title="This page is not built yet." />
    </Page>
  );
}
