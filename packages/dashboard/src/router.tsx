/** All pages. Each is a folder in pages/ with a route.ts; its code is loaded when it is opened. */
import { createRouter } from "@tanstack/react-router";

import { auditRoutes } from "./pages/audit/route.ts";
import { bulkActionsRoutes } from "./pages/bulk-actions/route.ts";
import { deadLettersRoutes } from "./pages/dead-letters/route.ts";
import { failuresRoutes } from "./pages/failures/route.ts";
import { limitsRoutes } from "./pages/limits/route.ts";
import { overviewRoutes } from "./pages/overview/route.ts";
import { queuesRoutes } from "./pages/queues/route.ts";
import { schedulesRoutes } from "./pages/schedules/route.ts";
import { settingsRoutes } from "./pages/settings/route.ts";
import { spawnRoutes } from "./pages/spawn/route.ts";
import { taskRoutes } from "./pages/task/route.ts";
import { tasksRoutes } from "./pages/tasks/route.ts";
import { templatesRoutes } from "./pages/templates/route.ts";
import { workersRoutes } from "./pages/workers/route.ts";
import { workflowsRoutes } from "./pages/workflows/route.ts";
import { rootRoute } from "./root-route.ts";

const routeTree = rootRoute.addChildren([
  ...auditRoutes,
  ...bulkActionsRoutes,
  ...deadLettersRoutes,
  ...failuresRoutes,
  ...limitsRoutes,
  ...overviewRoutes,
  ...queuesRoutes,
  ...schedulesRoutes,
  ...settingsRoutes,
  ...spawnRoutes,
  ...taskRoutes,
  ...tasksRoutes,
  ...templatesRoutes,
  ...workersRoutes,
  ...workflowsRoutes,
]);

/** @param basePath where the pages begin: "" or "/telescope" */
export function createPageRouter(basePath: string) {
  return createRouter({
    routeTree,
    basepath: basePath === "" ? "/" : basePath,
    defaultPreload: "intent",
    scrollRestoration: true,
    parseSearch: parsePlainSearch,
    stringifySearch: stringifyPlainSearch,
  });
}

/** Values stand in an address as they are, since people read, write and send it. */
export function parsePlainSearch(search: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(search));
}

export function stringifyPlainSearch(search: Readonly<Record<string, unknown>>): string {
  const given = Object.entries(search).filter(
    ([, value]) => value !== undefined && value !== "" && value !== false,
  );
  const text = new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString();
  return text === "" ? "" : `?${text}`;
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof createPageRouter>;
  }
}
