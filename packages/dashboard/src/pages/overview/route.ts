/** The addresses of the page Overview. What is in them is all of its state. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import { rootRoute } from "../../root-route.ts";

export const overviewRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/",
  component: lazyRouteComponent(() => import("./OverviewPage.tsx"), "OverviewPage"),
});

export const overviewRoutes = [overviewRoute] as const;
