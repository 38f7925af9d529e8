/** A client of the API, typed by its routes. Works in browsers and in Node. */
import { z } from "zod";

import { type Problem, problem } from "./problem.ts";
import type { ClientInput, Route, RouteAnswer } from "./route.ts";
import { type RouteName, ROUTES } from "./routes.ts";

export interface ClientOptions {
  /** Where the API is, without a slash at its end: http://127.0.0.1:8000, or "" in a page. */
  readonly baseUrl: string;
  /** A token, for clients without a cookie. */
  readonly token?: string;
  /** Default: the global one. */
  readonly fetch?: typeof fetch;
  /** Asked before each request: what the page knows of its session. */
  readonly headers?: () => Readonly<Record<string, string>>;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** A second call with the same key does nothing new and answers the same. */
  readonly idempotencyKey?: string;
}

/** The server answered with a problem. */
export class ApiProblem extends Error {
  override readonly name = "ApiProblem";
  readonly problem: Problem;
  constructor(of: Problem) {
    super(of.detail);
    this.problem = of;
  }
}

/** No answer came, or one that is not the API's. */
export class ApiAway extends Error {
  override readonly name = "ApiAway";
}

/** The input may be left out of routes that need none. */
type Arguments<R extends Route> =
  object extends ClientInput<R>
    ? [input?: ClientInput<R>, options?: CallOptions]
    : [input: ClientInput<R>, options?: CallOptions];

export class Client {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** @throws {ApiProblem | ApiAway}, or the signal's reason */
  async call<Name extends RouteName>(
    name: Name,
    ...[input, options = {}]: Arguments<(typeof ROUTES)[Name]>
  ): Promise<RouteAnswer<(typeof ROUTES)[Name]>> {
    const route: Route = ROUTES[name];
    const response = await this.#send(route, input ?? {}, options);
    if (!response.ok) throw await problemOf(response);
    return (await answerOf(route, response)) as RouteAnswer<(typeof ROUTES)[Name]>;
  }

  async #send(route: Route, input: WireInput, options: CallOptions): Promise<Response> {
    const headers = new Headers(this.#options.headers?.());
    headers.set(
      "accept",
      route.answer.kind === "text" ? route.answer.mediaType : "application/json",
    );
    if (this.#options.token !== undefined) {
      headers.set("authorization", `Bearer ${this.#options.token}`);
    }
    if (options.idempotencyKey !== undefined) {
      headers.set("idempotency-key", options.idempotencyKey);
    }
    const body = route.body ? JSON.stringify(input.body ?? {}) : undefined;
    if (body !== undefined) headers.set("content-type", "application/json");
    const url = `${this.#options.baseUrl}${urlOf(route, input)}`;
    try {
      return await (this.#options.fetch ?? fetch)(url, {
        method: route.method,
        headers,
        ...(body === undefined ? {} : { body }),
        ...(options.signal ? { signal: options.signal } : {}),
      });
    } catch (error) {
      if (options.signal?.aborted) throw error;
      throw new ApiAway(`no answer from ${this.#options.baseUrl || "the server"}`, {
        cause: error,
      });
    }
  }
}

interface WireInput {
  readonly params?: Readonly<Record<string, unknown>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
}

/** Path and query of a request; what is undefined in the query is left out. */
export function urlOf(route: Route, input: Pick<WireInput, "params" | "query">): string {
  const path = route.path.replace(/\{(\w+)\}/g, (_, key: string) =>
    encodeURIComponent(wireText(input.params?.[key])),
  );
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(input.query ?? {})) {
    if (value !== undefined) query.set(key, wireText(value));
  }
  const text = query.toString();
  return text === "" ? path : `${path}?${text}`;
}

function wireText(value: unknown): string {
  if (value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

async function problemOf(response: Response): Promise<ApiProblem | ApiAway> {
  const parsed = problem.safeParse(await response.json().catch(() => undefined));
  if (parsed.success) return new ApiProblem(parsed.data);
  return new ApiAway(`the answer, HTTP ${response.status}, is not one of the API's`);
}

async function answerOf(route: Route, response: Response): Promise<unknown> {
  if (route.answer.kind === "none") return undefined;
  if (route.answer.kind !== "json") return response.text();
  const parsed = route.answer.schema.safeParse(await response.json().catch(() => undefined));
  if (parsed.success) return parsed.data;
  throw new ApiAway(
    `${route.method} ${route.path} answered what it does not promise: ` +
      z.prettifyError(parsed.error),
  );
}
