/** The addresses of the page Failures. What is in them is all of its state. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { z } from "zod";

import { termsOfView, viewTextOf } from "../../components/view-text.ts";
import { rootRoute } from "../../root-route.ts";
import { FAILURE_TABS } from "./failures.model.ts";

const failuresSearch = z.object({
  state: z.enum(FAILURE_TABS).catch("open").default("open"),
  /** A part of a task's name, a tag, a class, a message, a note. */
  find: z.string().catch("").default(""),
  /** "yes": those assigned to who is signed in. */
  mine: z.string().catch("").default(""),
  /** The fingerprint of the group that is looked at. */
  group: z.string().catch("").default(""),
});
type FailuresSearch = z.output<typeof failuresSearch>;

/** The text of a saved view. Whose "mine" is, is who opens it; the open group is not part of it. */
export function viewOf({ state, mine, find }: FailuresSearch): string {
  return viewTextOf({ state, mine, find });
}

export function searchOfView(text: string): FailuresSearch {
  return failuresSearch.parse(termsOfView(text) ?? {});
}

export const failuresRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/failures",
  validateSearch: failuresSearch,
  component: lazyRouteComponent(() => import("./FailuresPage.tsx"), "FailuresPage"),
});

export const failuresRoutes = [failuresRoute] as const;
