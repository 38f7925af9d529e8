/** The addresses of the page Templates. What is in them is all of its state. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { z } from "zod";

import { rootRoute } from "../../root-route.ts";

const text = z.string().catch("").default("");

export const templatesRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/templates",
  validateSearch: z.object({ name: text }),
  component: lazyRouteComponent(() => import("./TemplatesPage.tsx"), "TemplatesPage"),
});

export const newTemplateRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/new-template",
  component: lazyRouteComponent(() => import("./NewTemplatePage.tsx"), "NewTemplatePage"),
});

export const templateRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/templates/$name",
  validateSearch: z.object({
    /** graph, run or edit; "": the graph. */
    tab: text,
    /** "": the newest. */
    version: text,
    /** The node that is looked at. */
    node: text,
  }),
  component: lazyRouteComponent(() => import("./TemplatePage.tsx"), "TemplatePage"),
});

export const templatesRoutes = [templatesRoute, newTemplateRoute, templateRoute] as const;
