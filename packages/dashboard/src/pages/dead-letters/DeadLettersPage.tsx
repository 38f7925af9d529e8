/** Dead letters: to be filled. */
import { Page } from "../../components/Page.tsx";
import { EmptyState } from "../../components/states.tsx";

export function DeadLettersPage() {
  return (
    <Page title="Dead letters">
      <EmptyState title="This page is not built yet." />
    </Page>
  );
}
