/** The addresses of the page Workers. What is in them is all of its state. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import { rootRoute } from "../../root-route.ts";

export const workersRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/workers",
  component: lazyRouteComponent(() => import("./WorkersPage.tsx"), "WorkersPage"),
});

export const workersRoutes = [workersRoute] as const;
