/** The addresses of the page Limits. What is in them is all of its state. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import { rootRoute } from "../../root-route.ts";

export const limitsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/limits",
  component: lazyRouteComponent(() => import("./LimitsPage.tsx"), "LimitsPage"),
});

export const limitsRoutes = [limitsRoute] as const;
