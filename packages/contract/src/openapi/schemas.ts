/** zod schemas as JSON Schema 2020-12, those with a name as components of the document. */
import { z } from "zod";

import { auditEntry, session, token } from "../access.ts";
import { bulkAction, bulkPreview, bulkRequest } from "../bulk.ts";
import { deadLetter, deadLetterFilter, failureGroup } from "../failure.ts";
import { alert, health, metrics, overview } from "../health.ts";
import { limit } from "../limit.ts";
import { liveEvent } from "../live.ts";
import { fault, problem } from "../problem.ts";
import { metricsStep, queue, queueSettings, queueStats } from "../queue.ts";
import { createSchedule, firing, schedule, updateSchedule } from "../schedule.ts";
import {
  attempt,
  errorRecord,
  explanation,
  lineage,
  logLine,
  spawned,
  spawnRequest,
  step,
  task,
  taskCounts,
  taskPage,
  taskProgress,
  taskStatus,
  taskSummary,
} from "../task.ts";
import { savedView } from "../view.ts";
import { worker, workerPage } from "../worker.ts";
import { template, templateDefinition, templateParam } from "../template.ts";
import {
  createWorkflow,
  nodeSpec,
  workflowDag,
  workflowEdge,
  workflowNode,
  workflowSummary,
} from "../workflow.ts";

export type JsonSchema = Readonly<Record<string, unknown>>;

const NAMED = {
  Alert: alert,
  Attempt: attempt,
  AuditEntry: auditEntry,
  BulkAction: bulkAction,
  BulkPreview: bulkPreview,
  BulkRequest: bulkRequest,
  CreateSchedule: createSchedule,
  CreateWorkflow: createWorkflow,
  DeadLetter: deadLetter,
  DeadLetterFilter: deadLetterFilter,
  ErrorRecord: errorRecord,
  Explanation: explanation,
  FailureGroup: failureGroup,
  Fault: fault,
  Firing: firing,
  Health: health,
  Limit: limit,
  Lineage: lineage,
  LiveEvent: liveEvent,
  LogLine: logLine,
  Metrics: metrics,
  MetricsStep: metricsStep,
  NodeSpec: nodeSpec,
  Overview: overview,
  Problem: problem,
  Queue: queue,
  QueueSettings: queueSettings,
  QueueStats: queueStats,
  SavedView: savedView,
  Schedule: schedule,
  Session: session,
  Spawned: spawned,
  SpawnRequest: spawnRequest,
  Step: step,
  Task: task,
  TaskCounts: taskCounts,
  TaskPage: taskPage,
  TaskProgress: taskProgress,
  TaskStatus: taskStatus,
  TaskSummary: taskSummary,
  Template: template,
  TemplateDefinition: templateDefinition,
  TemplateParam: templateParam,
  Token: token,
  UpdateSchedule: updateSchedule,
  Worker: worker,
  WorkerPage: workerPage,
  WorkflowDag: workflowDag,
  WorkflowEdge: workflowEdge,
  WorkflowNode: workflowNode,
  WorkflowSummary: workflowSummary,
} as const;

const NAMES = z.registry<{ id: string }>();
for (const [id, schema] of Object.entries(NAMED)) NAMES.add(schema, { id });

/** Any JSON: the one schema of ours that contains itself, which zod names by a number. */
const JSON_NAME = /^__schema\d+$/;
const ANY_JSON = { description: "Any JSON value." } as const;

/** Collects the named schemas that are used on the way. */
export class Components {
  readonly #schemas = new Map<string, JsonSchema>();

  /** Of what a client sends: what has a default may be left out. */
  sent(schema: z.ZodType): JsonSchema {
    return this.#convert(schema, "input");
  }

  /** Of what it gets. */
  got(schema: z.ZodType): JsonSchema {
    return this.#convert(schema, "output");
  }

  /** By name. */
  all(): Record<string, JsonSchema> {
    return Object.fromEntries([...this.#schemas].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  #convert(schema: z.ZodType, io: "input" | "output"): JsonSchema {
    // In an array, since a root is never a reference.
    const whole = z.toJSONSchema(z.array(schema), { io, metadata: NAMES, override: tidy });
    for (const [id, definition] of Object.entries(whole.$defs ?? {})) {
      this.#add(JSON_NAME.test(id) ? "Json" : id, definition);
    }
    return relocate(whole.items) as JsonSchema;
  }

  #add(name: string, definition: JsonSchema): void {
    const named = relocate(definition) as Record<string, unknown>;
    // The name, which is the key already.
    delete named["id"];
    const schema = name === "Json" ? ANY_JSON : named;
    const known = this.#schemas.get(name);
    if (known && JSON.stringify(known) !== JSON.stringify(schema)) {
      throw new Error(`${name} is one thing as it is sent and another as it is got: name it apart`);
    }
    this.#schemas.set(name, schema);
  }
}

/** References into the document, where zod has them into the schema. */
function relocate(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(relocate);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key,
      key === "$ref" && typeof each === "string" ? referenceOf(each) : relocate(each),
    ]),
  );
}

function referenceOf(reference: string): string {
  const name = reference.replace("#/$defs/", "");
  return `#/components/schemas/${JSON_NAME.test(name) ? "Json" : name}`;
}

/** Patterns that a format says, and bounds that every number of JSON has, tell a reader nothing. */
function tidy({ jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (jsonSchema.format === "uuid") delete jsonSchema.pattern;
  if (jsonSchema.format === "date-time") jsonSchema.pattern = "Z$";
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
}
