/** The addresses of the page Audit. What is in them is all of its state. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { z } from "zod";

import { rootRoute } from "../../root-route.ts";

const text = z.string().catch("").default("");

export const auditRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/audit",
  validateSearch: z.object({
    actor: text,
    action: text,
    /** A part of it. */
    target: text,
    /** As people write it: -2h, yesterday, 2026-01-25T03:00Z. */
    from: text,
    to: text,
    /** The entry that is looked at. */
    entry: text,
  }),
  component: lazyRouteComponent(() => import("./AuditPage.tsx"), "AuditPage"),
});

export const auditRoutes = [auditRoute] as const;
