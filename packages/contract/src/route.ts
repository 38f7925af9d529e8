/**
 * A route as data: one definition serves the server, the typed client, the OpenAPI document and the
 * contract tests.
 */
import type { z } from "zod";

import type { ProblemCode } from "./problem.ts";

/** Who may call: each role may do what the ones before it may. */
export const ROLES = ["viewer", "operator", "admin"] as const;
export type Role = (typeof ROLES)[number];

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface Route {
  readonly method: Method;
  /** Below the API's base, with `{name}` for a path parameter: /absurd/tasks/{task_id}. */
  readonly path: `/${string}`;
  readonly summary: string;
  /** The section of the document. */
  readonly tag: string;
  /** Null: anyone, signed in or not. */
  readonly role: Role | null;
  /** Every value is text on the wire; the schema says what it becomes. */
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  readonly answer: Answer;
  /** Of a POST that only looks: it is not in the audit log and takes no Idempotency-Key. */
  readonly changesNothing?: true;
  /** A program's, every few seconds: nobody acts by it, so the same holds. */
  readonly isBeat?: true;
  /** The answer is shown once and stored nowhere: no Idempotency-Key. */
  readonly hasSecretAnswer?: true;
  /** Beyond those that any route may give: see EVERY_ROUTE. */
  readonly problems?: readonly ProblemCode[];
}

export type Answer =
  | { readonly kind: "json"; readonly status: 200 | 201 | 202; readonly schema: z.ZodType }
  | { readonly kind: "none"; readonly status: 204 }
  | { readonly kind: "text"; readonly status: 200; readonly mediaType: string }
  | { readonly kind: "events"; readonly status: 200 };

export function json<Schema extends z.ZodType>(
  schema: Schema,
  status: 200 | 201 | 202 = 200,
): { readonly kind: "json"; readonly status: 200 | 201 | 202; readonly schema: Schema } {
  return { kind: "json", status, schema };
}

export const NO_CONTENT = { kind: "none", status: 204 } as const;

/** What a server's handler gets: parsed, with defaults filled in. */
export interface ParsedInput<R extends Route> {
  readonly params: Parsed<R["params"]>;
  readonly query: Parsed<R["query"]>;
  readonly body: Parsed<R["body"]>;
}

/** What a client gives: defaults may be left out. */
export type ClientInput<R extends Route> = Given<"params", R["params"]> &
  Given<"query", R["query"]> &
  Given<"body", R["body"]>;

/** What a handler gives back, and a client gets. */
export type RouteAnswer<R extends Route> = R["answer"] extends { readonly schema: infer Schema }
  ? Schema extends z.ZodType
    ? z.output<Schema>
    : never
  : R["answer"] extends { readonly kind: "text" }
    ? string
    : undefined;

type Parsed<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined;

type Given<Key extends string, Schema> = Schema extends z.ZodType
  ? object extends z.input<Schema>
    ? Readonly<Partial<Record<Key, z.input<Schema>>>>
    : Readonly<Record<Key, z.input<Schema>>>
  : unknown;
