/** The addresses of the page Bulk actions. What is in them is all of its state. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import { z } from "zod";

import { rootRoute } from "../../root-route.ts";

export const bulkActionsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/bulk-actions",
  validateSearch: z.object({ id: z.string().optional().catch(undefined) }),
  component: lazyRouteComponent(() => import("./BulkActionsPage.tsx"), "BulkActionsPage"),
});

export const bulkActionsRoutes = [bulkActionsRoute] as const;
