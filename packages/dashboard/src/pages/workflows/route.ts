/** The addresses of the page Workflows. What is in them is all of its state. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { z } from "zod";

import { rootRoute } from "../../root-route.ts";

const text = z.string().catch("").default("");

export const workflowsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/workflows",
  validateSearch: z.object({
    name: text,
    /** One of the contract's WORKFLOW_STATUSES; "": any. */
    status: text,
  }),
  component: lazyRouteComponent(() => import("./WorkflowsPage.tsx"), "WorkflowsPage"),
});

export const workflowRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/workflows/$workflowId",
  validateSearch: z.object({
    /** graph, timeline, nodes or runs; "": the graph. */
    tab: text,
    /** The node that is looked at. */
    node: text,
    /** A part of nodes' or tasks' names. */
    find: text,
    /** Of the table of nodes; "": any. */
    status: text,
    /** "on": the graph moves to what runs. */
    follow: text,
  }),
  component: lazyRouteComponent(() => import("./WorkflowPage.tsx"), "WorkflowPage"),
});

export const workflowsRoutes = [workflowsRoute, workflowRoute] as const;
