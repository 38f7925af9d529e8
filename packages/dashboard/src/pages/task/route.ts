/** The addresses of the page Task. What is in them is all of its state. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { z } from "zod";

import { rootRoute } from "../../root-route.ts";

export const taskRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/tasks/$taskId",
  validateSearch: z.object({ tab: z.string().catch("").default("") }),
  component: lazyRouteComponent(() => import("./TaskPage.tsx"), "TaskPage"),
});

export const taskRoutes = [taskRoute] as const;
