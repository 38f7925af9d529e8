/** Settings: to be filled. */
import { Page } from "../../components/Page.tsx";
import { EmptyState } from "../../components/states.tsx";

export function SettingsPage() {
  return (
    <Page title="Settings">
      <EmptyState title="This page is not built yet." />
    </Page>
  );
}
