/** Workflows and templates as JSON on the command line, checked before anything is sent. */
import type { TemplateDefinition, WorkflowSpec } from "@contimg/absurd";
import { z } from "zod";

import { UsageError } from "../failure.ts";
import { readJsonArgument } from "../json-argument.ts";

const otherwise = z.enum(["cancel", "skip", "continue"]).exactOptional();
const when = z
  .union([z.enum(["success", "failure", "always"]), z.strictObject({ resultMatches: z.string() })])
  .exactOptional();
const edge = z.union([z.string(), z.strictObject({ on: z.string(), when })]);
const dependency = z.union([
  z.string(),
  z.strictObject({ on: z.string(), when, otherwise }),
  z.strictObject({ anyOf: z.array(edge).min(1), otherwise }),
]);

const nodes = z.record(
  z.string(),
  z.strictObject({
    task: z.string(),
    params: z.unknown().optional(),
    dependsOn: z.array(dependency).exactOptional(),
    forEach: z
      .strictObject({
        of: z.string(),
        path: z.string().exactOptional(),
        when: z.enum(["success", "always"]).exactOptional(),
        otherwise,
      })
      .exactOptional(),
    queue: z.string().exactOptional(),
    priority: z.int().exactOptional(),
    delaySeconds: z.number().exactOptional(),
    maxRetries: z.int().exactOptional(),
    timeoutSeconds: z.number().exactOptional(),
    correlationId: z.string().exactOptional(),
    tags: z.array(z.string()).exactOptional(),
    backoffSeconds: z.number().exactOptional(),
    backoffSecondsMax: z.number().exactOptional(),
  }),
);

const workflowFile = z.strictObject({
  name: z.string().min(1),
  tasks: nodes,
  params: z.unknown().optional(),
  tags: z.array(z.string()).exactOptional(),
  idempotencyKey: z.string().exactOptional(),
});

const templateFile = z.strictObject({
  name: z.string().min(1),
  params: z
    .array(
      z.strictObject({
        name: z.string(),
        type: z.enum(["string", "number", "integer", "boolean", "array", "object", "any"]),
        default: z.unknown().optional(),
        required: z.boolean().exactOptional(),
      }),
    )
    .exactOptional(),
  tasks: nodes,
});

/** @throws {UsageError} naming the field and what is expected there */
export function readWorkflow(argument: string): Promise<WorkflowSpec> {
  return readAs(workflowFile, argument, "workflow");
}

/** @throws {UsageError} naming the field and what is expected there */
export function readTemplate(argument: string): Promise<TemplateDefinition> {
  return readAs(templateFile, argument, "template");
}

export async function readParams(argument: string): Promise<Record<string, unknown>> {
  return readAs(z.record(z.string(), z.unknown()), argument, "params");
}

async function readAs<Value>(
  schema: z.ZodType<Value>,
  argument: string,
  what: string,
): Promise<Value> {
  const parsed = schema.safeParse(await readJsonArgument(argument));
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map(({ path, message }) => [...path, message].join(": "));
  throw new UsageError(`the ${what} is invalid: ${issues.join("; ")}`);
}
