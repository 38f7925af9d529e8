/** Registers every route of the contract with the handler of its name. */
import { type Problem, type Route, type RouteName, ROUTES } from "@contimg/contract";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import type { Call, Handlers } from "./handler.ts";
import { draftOf, isWrite, targetOf } from "./hooks/audit.ts";
import { etagOf, names } from "./hooks/etag.ts";
import type { IdempotencyStore } from "./hooks/idempotency.ts";
import { assertStorable } from "./input-text.ts";
import { ApiError, parse, problemOf, toApiError } from "./problem.ts";

export interface ServeOptions {
  /** A route without one answers 404. */
  readonly handlers: Partial<Handlers>;
  readonly idempotency: IdempotencyStore;
  /** Parses answers, too, and fails those that break the contract: for tests. */
  readonly checkAnswers: boolean;
  /** Seconds after which a request is given up. */
  readonly answerSeconds: number;
}

type AnyHandler = (input: unknown, call: Call) => Promise<unknown>;

interface Served {
  readonly name: RouteName;
  readonly route: Route;
  readonly handler: AnyHandler;
  /** That of GET on the same path, which says what an If-Match is about. */
  readonly reader: Served | undefined;
}

interface Input {
  readonly params: Record<string, unknown> | undefined;
  readonly query: Record<string, unknown> | undefined;
  readonly body: unknown;
}

/** A route's path as fastify writes it. */
export function pathOf(route: Pick<Route, "path">): string {
  return route.path.replace(/\{(\w+)\}/g, ":$1");
}

export function serveRoutes(app: FastifyInstance, options: ServeOptions): void {
  for (const served of servedRoutes(options.handlers)) {
    app.route({
      method: served.route.method,
      url: pathOf(served.route),
      config: { routeName: served.name },
      handler: (request, reply) => answerRoute(served, request, reply, options),
    });
  }
}

function servedRoutes(handlers: Partial<Handlers>): Served[] {
  const entries = Object.entries(handlers) as [RouteName, AnyHandler][];
  const all = entries.map(([name, handler]) => ({ name, route: routeOf(name), handler }));
  return all.map((served) => {
    const reader = all.find(
      ({ route }) => route.method === "GET" && route.path === served.route.path,
    );
    return { ...served, reader: reader && { ...reader, reader: undefined } };
  });
}

function routeOf(name: RouteName): Route {
  return ROUTES[name];
}

async function answerRoute(
  served: Served,
  request: FastifyRequest,
  reply: FastifyReply,
  options: ServeOptions,
): Promise<FastifyReply> {
  const { route } = served;
  const call = callOf(request, reply, options.answerSeconds);
  const input = inputOf(route, request);
  if (isWrite(route)) request.auditNote = draftOf(input);
  await assertUnchanged(served, request, input, call);
  const answer = await inTime(doOnce(served, request, reply, { input, call, options }), call);
  request.auditNote.target = targetOf(input, answer);
  return send(request, reply, route, answer, options.checkAnswers);
}

/** @param answerSeconds after which it is aborted, as it is when the client has gone */
function callOf(request: FastifyRequest, reply: FastifyReply, answerSeconds: number): Call {
  const gone = new AbortController();
  reply.raw.once("close", () => {
    if (!reply.raw.writableFinished) gone.abort();
  });
  return {
    actor: request.caller?.actor ?? "nobody",
    role: request.caller?.role ?? "viewer",
    requestId: request.id,
    signal: AbortSignal.any([gone.signal, AbortSignal.timeout(answerSeconds * 1000)]),
  };
}

/** @throws {ApiError} TIMED_OUT when the signal comes first */
async function inTime<Result>(work: Promise<Result>, { signal }: Call): Promise<Result> {
  const { promise: over, reject } = Promise.withResolvers<never>();
  const stop = (): void => {
    reject(new ApiError("TIMED_OUT", "the answer took too long; narrow what you ask for"));
  };
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop);
  try {
    return await Promise.race([work, over]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

interface Doing {
  readonly input: Input;
  readonly call: Call;
  readonly options: ServeOptions;
}

async function doOnce(
  { route, handler }: Served,
  request: FastifyRequest,
  reply: FastifyReply,
  { input, call, options }: Doing,
): Promise<unknown> {
  const key = request.headers["idempotency-key"];
  if (typeof key !== "string" || !isWrite(route) || route.hasSecretAnswer) {
    return handler(input, call);
  }
  const content = [route.method, request.url, input.body ?? null];
  const { status } = route.answer;
  const { answer, isReplay } = await options.idempotency.once(
    { key, content, status },
    call,
    (workId) => handler(input, { ...call, workId }),
  );
  if (isReplay) reply.header("idempotency-replayed", "true");
  return answer;
}

/** @throws {ApiError} PRECONDITION_FAILED */
async function assertUnchanged(
  { route, reader }: Served,
  request: FastifyRequest,
  input: Input,
  call: Call,
): Promise<void> {
  const wanted = request.headers["if-match"];
  if (wanted === undefined || route.method === "GET") return;
  if (!reader) {
    throw new ApiError(
      "PRECONDITION_FAILED",
      `nothing is read at ${route.path}: leave If-Match out`,
    );
  }
  const query = reader.route.query?.safeParse({}).data;
  const current = await reader.handler({ params: input.params, query, body: undefined }, call);
  if (names(wanted, etagOf(JSON.stringify(current)))) return;
  throw new ApiError("PRECONDITION_FAILED", "it has changed since you read it; read it again");
}

function inputOf(route: Route, request: FastifyRequest): Input {
  const body = request.body ?? {};
  assertStorable(request.params, "params");
  assertStorable(request.query, "query");
  if (route.body) assertStorable(body, "body");
  return {
    params: route.params && parse(route.params, request.params, "params"),
    query: route.query && parse(route.query, request.query, "query"),
    body: route.body && parse(route.body, body, "body"),
  };
}

function send(
  request: FastifyRequest,
  reply: FastifyReply,
  route: Route,
  answer: unknown,
  check: boolean,
): FastifyReply {
  const { answer: promised } = route;
  reply.code(promised.status);
  if (promised.kind === "none") return reply.send();
  if (promised.kind === "text") return reply.type(promised.mediaType).send(answer);
  if (promised.kind === "json" && check) promised.schema.parse(answer);
  const body = JSON.stringify(answer);
  reply.type("application/json; charset=utf-8");
  if (route.method !== "GET") return reply.header("cache-control", "no-store").send(body);
  const etag = etagOf(body);
  reply.header("etag", etag).header("cache-control", "private, no-cache");
  const known = request.headers["if-none-match"];
  if (known !== undefined && names(known, etag)) return reply.code(304).send();
  return reply.send(body);
}

/** The app's error handler. @param onLoss told when the database was lost */
export function answerProblem(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  onLoss: () => void,
): FastifyReply {
  const known = toApiError(error);
  if (known.code === "INTERNAL") request.log.error({ err: error }, "a request failed");
  if (known.code === "DATABASE_UNAVAILABLE" && known !== error) {
    request.log.warn({ err: error }, "the database does not answer");
    onLoss();
  }
  const body: Problem = problemOf(known, request.id);
  if (known.retryAfterSeconds !== undefined) {
    reply.header("retry-after", Math.max(1, Math.ceil(known.retryAfterSeconds)));
  }
  if (known.code === "UNAUTHENTICATED") reply.header("www-authenticate", "Bearer");
  return reply
    .code(body.status)
    .header("cache-control", "no-store")
    .header("x-request-id", request.id)
    .type("application/problem+json")
    .send(JSON.stringify(body));
}
