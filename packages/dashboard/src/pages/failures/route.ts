/** The addresses of the page Failures. What is in them is all of its state. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import { rootRoute } from "../../root-route.ts";

export const failuresRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/failures",
  component: lazyRouteComponent(() => import("./FailuresPage.tsx"), "FailuresPage"),
});

export const failuresRoutes = [failuresRoute] as const;
