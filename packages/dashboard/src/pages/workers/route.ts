/** The addresses of the page Workers. What is in them is all of its state. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { z } from "zod";

import { rootRoute } from "../../root-route.ts";

export const workersRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/workers",
  validateSearch: z.object({
    /** A part of a name, host, queue or task name. */
    find: z.string().catch("").default(""),
    /** One of the contract's WORKER_STATES, or "trouble"; "": any. */
    state: z.string().catch("").default(""),
  }),
  component: lazyRouteComponent(() => import("./WorkersPage.tsx"), "WorkersPage"),
});

export const workersRoutes = [workersRoute] as const;
