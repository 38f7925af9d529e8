/** The addresses of the page Workflows. What is in them is all of its state. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import { rootRoute } from "../../root-route.ts";

export const workflowsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/workflows",
  component: lazyRouteComponent(() => import("./WorkflowsPage.tsx"), "WorkflowsPage"),
});

export const workflowsRoutes = [workflowsRoute] as const;
