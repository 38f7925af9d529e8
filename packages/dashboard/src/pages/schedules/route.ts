/** The addresses of the page Schedules. What is in them is all of its state. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { z } from "zod";

import { rootRoute } from "../../root-route.ts";

const text = z.string().catch("").default("");

export const schedulesRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/schedules",
  validateSearch: z.object({
    /** A part of a name or of what is spawned. */
    find: text,
    /** One of the contract's SCHEDULE_STATES, or "error"; "": any. */
    state: text,
  }),
  component: lazyRouteComponent(() => import("./SchedulesPage.tsx"), "SchedulesPage"),
});

export const newScheduleRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/new-schedule",
  component: lazyRouteComponent(() => import("./NewSchedulePage.tsx"), "NewSchedulePage"),
});

export const scheduleRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/schedules/$name",
  validateSearch: z.object({
    /** edit or backfill: a dialog that is open. */
    open: text,
  }),
  component: lazyRouteComponent(() => import("./SchedulePage.tsx"), "SchedulePage"),
});

export const schedulesRoutes = [schedulesRoute, newScheduleRoute, scheduleRoute] as const;
