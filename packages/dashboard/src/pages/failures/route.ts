/** The addresses of the page Failures. What is in them is all of its state. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { FAILURE_TABS, type ViewTerms } from "@contimg/contract";
import { z } from "zod";

import { rootRoute } from "../../root-route.ts";

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

/** What a saved view says. Whose "mine" is, is who opens it; the open group is not part of it. */
export function termsOf({ state, mine, find }: FailuresSearch): ViewTerms<"failures"> {
  return { state, find, ...(mine === "" ? {} : { mine: true }) };
}

export function searchOf({ mine, ...terms }: ViewTerms<"failures">): FailuresSearch {
  return failuresSearch.parse({ ...terms, mine: mine ? "yes" : "" });
}

export const failuresRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/failures",
  validateSearch: failuresSearch,
  component: lazyRouteComponent(() => import("./FailuresPage.tsx"), "FailuresPage"),
});

export const failuresRoutes = [failuresRoute] as const;
