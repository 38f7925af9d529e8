/** The addresses of the page Queues. What is in them is all of its state. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { z } from "zod";

import { rootRoute } from "../../root-route.ts";

export const queuesRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/queues",
  validateSearch: z.object({ name: z.string().catch("").default("") }),
  component: lazyRouteComponent(() => import("./QueuesPage.tsx"), "QueuesPage"),
});

export const queueRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/queues/$name",
  validateSearch: z.object({
    /** One of RANGES: how far back. */
    range: z.string().catch("").default(""),
    /** One of the contract's RESOLUTIONS; "": as fits the range. */
    step: z.string().catch("").default(""),
  }),
  component: lazyRouteComponent(() => import("./QueuePage.tsx"), "QueuePage"),
});

export const queuesRoutes = [queuesRoute, queueRoute] as const;
