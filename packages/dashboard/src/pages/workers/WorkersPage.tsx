/** Workers: to be filled. */
import { Page } from "../../components/Page.tsx";
import { EmptyState } from "../../components/states.tsx";

export function WorkersPage() {
  return (
    <Page title="Workers">
      <EmptyState title="This page is not built yet." />
    </Page>
  );
}
