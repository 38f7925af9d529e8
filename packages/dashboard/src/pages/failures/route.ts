/** The addresses of the page Failures. What is in them is all of its state. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { z } from "zod";

import { rootRoute } from "../../root-route.ts";
import { FAILURE_TABS } from "./failures.model.ts";

export const failuresRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/failures",
  validateSearch: z.object({
    state: z.enum(FAILURE_TABS).catch("open").default("open"),
    /** A part of a task's name, a tag, a class, a message, a note. */
    find: z.string().catch("").default(""),
    /** "yes": those assigned to who is signed in. */
    mine: z.string().catch("").default(""),
    /** The fingerprint of the group that is looked at. */
    group: z.string().catch("").default(""),
  }),
  component: lazyRouteComponent(() => import("./FailuresPage.tsx"), "FailuresPage"),
});

export const failuresRoutes = [failuresRoute] as const;
