/** The addresses of the page Limits. What is in them is all of its state. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { z } from "zod";

import { rootRoute } from "../../root-route.ts";
import { LIMIT_TABS } from "./limits.model.ts";

export const limitsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/limits",
  validateSearch: z.object({
    tab: z.enum(LIMIT_TABS).catch("all").default("all"),
    /** A part of a name. */
    find: z.string().catch("").default(""),
    /** The limit that is looked at: key/imaging. */
    limit: z.string().catch("").default(""),
    /** The event that is looked at. */
    event: z.string().catch("").default(""),
  }),
  component: lazyRouteComponent(() => import("./LimitsPage.tsx"), "LimitsPage"),
});

export const limitsRoutes = [limitsRoute] as const;
