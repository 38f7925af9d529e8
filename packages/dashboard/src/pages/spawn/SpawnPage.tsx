/** Spawn: to be filled. */
import { Page } from "../../components/Page.tsx";
import { EmptyState } from "../../components/states.tsx";

export function SpawnPage() {
  return (
    <Page title="Spawn">
      <EmptyState title="This page is not built yet." />
    </Page>
  );
}
