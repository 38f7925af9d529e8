/** What a schedule spawns: a task, or a workflow from a template; checked as it is written down. */
import { z } from "zod";

import { InvalidSchedule } from "./errors.ts";
import type { SpawnRequest } from "./task.ts";

/** As a top-level value of a schedule's params: becomes the instant, as ISO text. */
export const FIRE_AT = { $fireAt: true } as const;

/** A workflow of a template, as each firing spawns it. */
export interface TemplateRequest {
  readonly template: string;
  /** Default: the newest at each firing. */
  readonly version?: number | undefined;
  /** Of the template; they are checked against its types. */
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  /** Of the workflow. Default: the template's. */
  readonly name?: string | undefined;
  readonly tags?: readonly string[] | undefined;
}

const templateRequest = z.strictObject({
  template: z.string().min(1),
  version: z.int().min(1).optional(),
  params: z.record(z.string(), z.unknown()).default({}),
  name: z.string().min(1).optional(),
  tags: z.array(z.string()).optional(),
});

/** As absurd.create_schedule takes it. Params of a task are checked as a firing fills them. */
export async function wireScheduled(
  request: SpawnRequest | TemplateRequest,
  toWire: (request: SpawnRequest) => Promise<Record<string, unknown>>,
): Promise<Record<string, unknown>> {
  if ("template" in request) return wireTemplate(request);
  const given = (request.params ?? {}) as Readonly<Record<string, unknown>>;
  const filled = Object.fromEntries(
    Object.entries(given).map(([key, value]) => [
      key,
      JSON.stringify(value) === JSON.stringify(FIRE_AT) ? new Date(0).toISOString() : value,
    ]),
  );
  return { ...(await toWire({ ...request, params: filled })), params: given };
}

function wireTemplate(request: TemplateRequest): Record<string, unknown> {
  const parsed = templateRequest.safeParse(request);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new InvalidSchedule(`spawn.${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`);
}
