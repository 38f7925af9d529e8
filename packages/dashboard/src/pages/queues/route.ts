/** The addresses of the page Queues. What is in them is all of its state. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import { rootRoute } from "../../root-route.ts";

export const queuesRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/queues",
  component: lazyRouteComponent(() => import("./QueuesPage.tsx"), "QueuesPage"),
});

export const queuesRoutes = [queuesRoute] as const;
