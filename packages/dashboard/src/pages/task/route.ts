/** The addresses of the page Task. What is in them is all of its state. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { z } from "zod";

import { rootRoute } from "../../root-route.ts";

export const TABS = ["log", "attempts", "steps", "timeline", "lineage", "data"] as const;
export const DIALOGS = ["cancel", "retry", "respawn", "move"] as const;

export const taskRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/tasks/$taskId",
  validateSearch: z.object({
    tab: z.enum(TABS).default("log").catch("log"),
    dialog: z.enum(DIALOGS).optional().catch(undefined),
    /** Of the dialog retry. */
    step: z.string().optional().catch(undefined),
  }),
  component: lazyRouteComponent(() => import("./TaskPage.tsx"), "TaskPage"),
});

export const taskRoutes = [taskRoute] as const;
