/** The addresses of the page Dead letters. What is in them is all of its state. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import { rootRoute } from "../../root-route.ts";

export const deadLettersRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/dead-letters",
  component: lazyRouteComponent(() => import("./DeadLettersPage.tsx"), "DeadLettersPage"),
});

export const deadLettersRoutes = [deadLettersRoute] as const;
