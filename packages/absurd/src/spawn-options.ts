/**
 * The border of spawning: options are checked before anything is sent. Requests without options,
 * the many, are not looked at.
 */
import { z } from "zod";

import { InvalidSpawn } from "./errors.ts";
import { paramsRefSchema } from "./params-ref.ts";
import { retryPolicySchema } from "./retry-policy.ts";
import type { SpawnRequest } from "./task.ts";

const text = z.string().min(1);
const seconds = z.number().min(0.001).max(1e9);
const time = z.date();

const optionsSchema = z
  .looseObject({
    queue: text.optional(),
    priority: z.int().min(-32_768).max(32_767).optional(),
    delaySeconds: z.number().min(0).max(1e9).optional(),
    availableAt: time.optional(),
    maxRetries: z.int().min(0).max(1_000_000).optional(),
    timeoutSeconds: seconds.optional(),
    idempotencyKey: text.optional(),
    idempotencyKeyTtlSeconds: z.number().min(1).max(1e9).optional(),
    correlationId: text.optional(),
    workflowId: z.guid().optional(),
    tags: z.array(text).optional(),
    backoffSeconds: z.number().min(0).max(1e9).optional(),
    backoffSecondsMax: z.number().min(0).max(1e9).optional(),
    retry: retryPolicySchema.optional(),
    deadline: time.optional(),
    expiresAt: time.optional(),
    expiresInSeconds: seconds.optional(),
    dedupe: z
      .strictObject({
        windowSeconds: z.number().min(1).max(1e9),
        by: z.union([z.literal("params"), z.array(text).min(1)]).optional(),
      })
      .optional(),
    traceContext: z
      .looseObject({
        traceparent: z
          .string()
          .regex(
            /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/,
            "expected a W3C traceparent: version-trace-parent-flags in hexadecimal",
          )
          .optional(),
        tracestate: z.string().max(512).optional(),
      })
      .optional(),
    paramsRef: paramsRefSchema.optional(),
  })
  .refine((o) => o.idempotencyKeyTtlSeconds === undefined || o.idempotencyKey !== undefined, {
    path: ["idempotencyKeyTtlSeconds"],
    message: "expected an idempotencyKey with it",
  })
  .refine((o) => o.dedupe === undefined || o.idempotencyKey === undefined, {
    path: ["dedupe"],
    message: "expected no idempotencyKey with it",
  })
  .refine((o) => o.expiresAt === undefined || o.expiresInSeconds === undefined, {
    path: ["expiresAt"],
    message: "expected no expiresInSeconds with it",
  });

/** @throws {InvalidSpawn} naming the index in the batch and the field */
export function checkOptions(request: SpawnRequest, index: number): void {
  const names = Object.keys(request).filter((name) => name !== "task" && name !== "params");
  if (names.length > 0) {
    const options = { ...request, task: undefined, params: undefined };
    const parsed = optionsSchema.safeParse(options);
    if (!parsed.success) throw invalidSpawn(options, index, parsed.error.issues);
  }
  if (request.paramsRef !== undefined && request.params !== undefined) {
    throw new InvalidSpawn(`task ${index} of the batch: params and paramsRef are set`, [
      { index, field: "paramsRef", message: "expected no params with it" },
    ]);
  }
}

function invalidSpawn(
  options: object,
  index: number,
  zodIssues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[],
): InvalidSpawn {
  const issues = zodIssues.map(({ path, message }) => {
    let value: unknown = options;
    for (const key of path) value = (value as Record<PropertyKey, unknown> | undefined)?.[key];
    const field = path.map(String).join(".");
    const shown = (JSON.stringify(value) as string | undefined)?.slice(0, 100) ?? "missing";
    return { index, field, message: `${field} is ${shown}: ${message}` };
  });
  const summary = issues.map((issue) => issue.message).join("; ");
  return new InvalidSpawn(`task ${index} of the batch: ${summary}`, issues);
}
