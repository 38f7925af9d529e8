/** The addresses of the page Schedules. What is in them is all of its state. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import { rootRoute } from "../../root-route.ts";

export const schedulesRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/schedules",
  component: lazyRouteComponent(() => import("./SchedulesPage.tsx"), "SchedulesPage"),
});

export const schedulesRoutes = [schedulesRoute] as const;
