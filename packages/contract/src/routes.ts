/** Every route of the API, by name. */
import { ACCESS_ROUTES } from "./access.ts";
import { BULK_ROUTES } from "./bulk.ts";
import { FAILURE_ROUTES } from "./failure.ts";
import { HEALTH_ROUTES } from "./health.ts";
import { LIMIT_ROUTES } from "./limit.ts";
import { LIVE_ROUTES } from "./live.ts";
import { QUEUE_ROUTES } from "./queue.ts";
import { SCHEDULE_ROUTES } from "./schedule.ts";
import { TASK_ROUTES } from "./task-routes.ts";
import { TEMPLATE_ROUTES } from "./template.ts";
import { WORKER_ROUTES } from "./worker.ts";
import { WORKFLOW_ROUTES } from "./workflow.ts";

export const ROUTES = {
  ...TASK_ROUTES,
  ...BULK_ROUTES,
  ...QUEUE_ROUTES,
  ...WORKER_ROUTES,
  ...SCHEDULE_ROUTES,
  ...WORKFLOW_ROUTES,
  ...TEMPLATE_ROUTES,
  ...FAILURE_ROUTES,
  ...LIMIT_ROUTES,
  ...HEALTH_ROUTES,
  ...ACCESS_ROUTES,
  ...LIVE_ROUTES,
} as const;

export type RouteName = keyof typeof ROUTES;
