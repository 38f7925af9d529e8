/** The addresses of the page Tasks. What is in them is all of its state. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { z } from "zod";

import { rootRoute } from "../../root-route.ts";

export const tasksRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/tasks",
  validateSearch: z.object({
    /** The filter grammar. */
    q: z.string().default("").catch(""),
    /** Columns by id, with commas; none: those kept in this browser. */
    cols: z.string().default("").catch(""),
  }),
  component: lazyRouteComponent(() => import("./TasksPage.tsx"), "TasksPage"),
});

export const tasksRoutes = [tasksRoute] as const;
