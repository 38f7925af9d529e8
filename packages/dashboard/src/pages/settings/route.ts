/** The addresses of the page Settings. What is in them is all of its state. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import { rootRoute } from "../../root-route.ts";

export const settingsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/settings",
  component: lazyRouteComponent(() => import("./SettingsPage.tsx"), "SettingsPage"),
});

export const settingsRoutes = [settingsRoute] as const;
