/**
 * What the contract tests do, by route. A route without its case, and a problem that a route lists
 * without a way to provoke it, do not compile.
 */
import type { ACCESS_ROUTES, RouteName, ROUTES } from "@contimg/contract";

import type { Handlers } from "../handler.ts";
import type { Stage } from "./contract-stage.ts";

export type ResourceRoute = Exclude<keyof Handlers, keyof typeof ACCESS_ROUTES>;

type OwnProblem<Name extends RouteName> = (typeof ROUTES)[Name] extends {
  readonly problems: readonly (infer Code extends string)[];
}
  ? Code
  : never;

export interface RouteCase<Name extends RouteName> {
  /** Calls the route and looks at its answer. */
  answers(stage: Stage): Promise<void>;
  /** Calls the route so that it answers this problem. */
  readonly problems: { readonly [Code in OwnProblem<Name>]: (stage: Stage) => Promise<unknown> };
}

export type CasesOf<Routes> = {
  readonly [Name in Extract<keyof Routes, ResourceRoute>]: RouteCase<Name>;
};

/** Of nothing that exists. */
export const NO_TASK = "0199a000-0000-7000-8000-000000000000";
export const NO_WORKFLOW = "0199a000-0000-7000-8000-0000000000ff";
