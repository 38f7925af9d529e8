/** The addresses of the page Audit. What is in them is all of its state. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import { rootRoute } from "../../root-route.ts";

export const auditRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/audit",
  component: lazyRouteComponent(() => import("./AuditPage.tsx"), "AuditPage"),
});

export const auditRoutes = [auditRoute] as const;
