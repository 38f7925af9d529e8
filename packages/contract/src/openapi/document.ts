/** The API as an OpenAPI 3.1 document, made from its routes. */
import { problem, type ProblemCode } from "../problem.ts";
import type { Route } from "../route.ts";
import { ROUTES } from "../routes.ts";
import { HEADERS, PARAMETERS, problemResponseOf } from "./common.ts";
import { operationOf } from "./operation.ts";
import { Components, type JsonSchema } from "./schemas.ts";

export interface OpenApiOptions {
  readonly version: string;
  /** Where the API is, without a slash at its end; "" is where the document came from. */
  readonly serverUrl?: string;
}

export interface OpenApiDocument {
  readonly openapi: "3.1.1";
  readonly info: JsonSchema;
  readonly servers: readonly JsonSchema[];
  readonly tags: readonly { readonly name: string }[];
  readonly security: readonly JsonSchema[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, JsonSchema>>>>;
}

export type Operation = JsonSchema & {
  readonly operationId: string;
  readonly responses: Readonly<Record<string, JsonSchema>>;
};

export function openApiDocument({ version, serverUrl = "" }: OpenApiOptions): OpenApiDocument {
  const components = new Components();
  const paths: Record<string, Record<string, Operation>> = {};
  const tags = new Set<string>();
  const codes = new Set<ProblemCode>();
  for (const [name, route] of Object.entries<Route>(ROUTES)) {
    const { operation, problems } = operationOf(name, route, components);
    (paths[route.path] ??= {})[route.method.toLowerCase()] = operation;
    tags.add(route.tag);
    for (const code of problems) codes.add(code);
  }
  components.got(problem);
  // Most stand in an answer with others of their status.
  const alone = [...codes].filter((code) =>
    JSON.stringify(paths).includes(`"#/components/responses/${code}"`),
  );
  return {
    openapi: "3.1.1",
    info: {
      title: "Absurd",
      version,
      summary: "A durable task queue and workflow engine on plain PostgreSQL.",
      description: DESCRIPTION,
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: serverUrl === "" ? "/" : serverUrl }],
    tags: [...tags].map((tag) => ({ name: tag })),
    security: [{ bearer: [] }, { cookie: [], csrf: [] }],
    paths,
    components: {
      schemas: components.all(),
      parameters: PARAMETERS,
      headers: HEADERS,
      responses: Object.fromEntries(alone.map((code) => [code, problemResponseOf(code)])),
      securitySchemes: SECURITY_SCHEMES,
    },
  };
}

const DESCRIPTION = [
  "Instants are UTC with Z; durations end in their unit, `_sec` or `_seconds`.",
  "Errors are problems (RFC 9457) with a stable `code`.",
  "Lists are read page by page: give `next_cursor` back as `cursor` until it is null.",
  "`q` is the filter grammar: `status:failed name:imaging age>2h -tag:test`.",
  "Changes are told by Server-Sent Events at `/absurd/live`, and over a WebSocket at `/absurd/ws`.",
].join("\n\n");

const SECURITY_SCHEMES: Readonly<Record<string, JsonSchema>> = {
  bearer: { type: "http", scheme: "bearer", description: "A token of `POST /absurd/tokens`." },
  cookie: {
    type: "apiKey",
    in: "cookie",
    name: "absurd_session",
    description: "Set by `POST /absurd/session`, for browsers.",
  },
  csrf: {
    type: "apiKey",
    in: "header",
    name: "X-CSRF-Token",
    description: "`csrf_token` of the session; with a cookie, every request but GET needs it.",
  },
};
