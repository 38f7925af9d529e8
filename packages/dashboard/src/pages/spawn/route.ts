/** The addresses of the page Spawn. What is in them is all of its state. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { z } from "zod";

import { rootRoute } from "../../root-route.ts";

export const spawnRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/spawn",
  validateSearch: z.object({ name: z.string().default("").catch("") }),
  component: lazyRouteComponent(() => import("./SpawnPage.tsx"), "SpawnPage"),
});

export const spawnRoutes = [spawnRoute] as const;
