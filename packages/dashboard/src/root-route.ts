/** The route that all pages are below. By itself, so that pages may import it without a cycle. */
import { createRootRoute } from "@tanstack/react-router";

import { AppShell } from "./components/AppShell.tsx";
import { NotFoundPage } from "./components/NotFoundPage.tsx";
import { PageFault } from "./components/PageFault.tsx";

export const rootRoute = createRootRoute({
  component: AppShell,
  notFoundComponent: NotFoundPage,
  errorComponent: PageFault,
});
