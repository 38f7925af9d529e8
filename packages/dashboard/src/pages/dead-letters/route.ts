/** The addresses of the page Dead letters. What is in them is all of its state. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { z } from "zod";

import { rootRoute } from "../../root-route.ts";

export const deadLettersRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/dead-letters",
  validateSearch: z.object({
    /** The filter grammar, as far as dead letters have its fields. */
    q: z.string().catch("").default(""),
    /** Of a group of failures. */
    fingerprint: z.string().catch("").default(""),
    /** Columns by id, with commas; none: those kept in this browser. */
    cols: z.string().catch("").default(""),
  }),
  component: lazyRouteComponent(() => import("./DeadLettersPage.tsx"), "DeadLettersPage"),
});

export const deadLettersRoutes = [deadLettersRoute] as const;
