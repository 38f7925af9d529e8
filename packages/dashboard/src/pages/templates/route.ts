/** The addresses of the page Templates. What is in them is all of its state. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import { rootRoute } from "../../root-route.ts";

export const templatesRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/templates",
  component: lazyRouteComponent(() => import("./TemplatesPage.tsx"), "TemplatesPage"),
});

export const templatesRoutes = [templatesRoute] as const;
