/** Every route with inputs of every kind, against a real database: whatever comes, no 5xx. */
import assert from "node:assert/strict";

import { AbsurdClient, defineTask } from "@contimg/absurd";
import { problem, type Route, type RouteName, ROUTES, urlOf } from "@contimg/contract";
import fc from "fast-check";
import { onTestFinished, test } from "vitest";
import { z } from "zod";

import { createHandlers } from "./handlers.ts";
import { systemParts } from "./handlers/resources.ts";
import { arbitraryOf, hostileText, type JsonSchema } from "./testing/arbitrary.ts";
import { testApps } from "./testing/test-app.ts";

const SEED = Number(process.env["FUZZ_SEED"] ?? 20260125);
const SECONDS = Number(process.env["FUZZ_SECONDS"] ?? 15);
const RUNS = 25;
/** When the time is over: enough to reach most handlers. */
const RUNS_MIN = 12;
/** Ends with the client; the sockets' tests have it. */
const STREAMS: readonly RouteName[] = ["listen"];
/** Not faults: the server is told to refuse, or to give up. */
const HONEST = new Set(["QUEUE_FULL", "QUEUE_DRAINING", "TIMED_OUT"]);

const apps = testApps();

interface Wire {
  readonly url: string;
  readonly body: unknown;
  readonly headers: Record<string, string>;
}

test("no input of any route makes a 5xx", { timeout: 120_000 }, async () => {
  const { fastify, log, known } = await setup();
  const routes = (Object.entries(ROUTES) as [RouteName, Route][]).filter(
    ([name]) => !STREAMS.includes(name),
  );
  const deadlineMs = performance.now() + SECONDS * 1000;
  const faults: string[] = [];
  const statuses = new Map<RouteName, Set<number>>();
  for (const [name, route] of routes) {
    const runs = performance.now() < deadlineMs ? RUNS : RUNS_MIN;
    const property = fc.asyncProperty(wireOf(route, known), async ({ url, body, headers }) => {
      const answer = await fastify.inject({
        method: route.method,
        url,
        headers,
        ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
      });
      (statuses.get(name) ?? statuses.set(name, new Set()).get(name)!).add(answer.statusCode);
      if (answer.statusCode < 400) return;
      const told = problem.parse(JSON.parse(answer.body));
      if (answer.statusCode < 500 || HONEST.has(told.code)) return;
      throw new Error(`${route.method} ${url} ${JSON.stringify(body)}: ${log.last}`);
    });
    const run = await fc.check(property, { seed: SEED, numRuns: runs, endOnFailure: true });
    if (run.failed) faults.push(String(run.errorInstance));
  }

  assert.deepEqual(faults, []);
  // The inputs must reach the handlers, or this shows nothing.
  const reached = [...statuses].filter(([, seen]) => [...seen].some((status) => status < 400));
  assert.ok(reached.length > routes.length / 2, `${reached.length} of ${routes.length} answered`);
});

async function setup() {
  const pool = apps.pool();
  const greet = defineTask({ name: "fuzz", params: z.any(), handler: () => null });
  const client = new AbsurdClient(pool, { tasks: [greet] });
  const { taskId } = await client.spawn(greet, { a: 1 });
  const lifetime = new AbortController();
  onTestFinished(() => {
    lifetime.abort();
  });
  const database = { isAvailable: true, latencyMs: 1 };
  const background = { lifetime: lifetime.signal, hints: {}, runbookBase: "/runbooks/" };
  const deps = { client, pool, isEnabled: true, database, ...background };
  const log = { last: "", write: (line: string) => void (log.last = line) };
  const rate = { perSecond: 1e6, burst: 1e6 };
  const app = apps.app(
    { rates: { local: rate, other: rate }, logger: { level: "error", stream: log } },
    createHandlers(deps, systemParts(deps), () => undefined),
  );
  return { fastify: app.fastify, log, known: { task_id: taskId, queue_name: "default" } };
}

/** Requests of a route, as they go over the wire; now and then about something that is there. */
function wireOf(route: Route, known: Readonly<Record<string, string>>): fc.Arbitrary<Wire> {
  const params = route.params ? textsOf(route.params, known) : fc.constant({});
  const query = route.query ? textsOf(route.query, known) : fc.constant({});
  const body = route.body ? arbitraryOf(schemaOf(route.body)) : fc.constant(undefined);
  return fc.record({ params, query, body, key: fc.option(hostileText()) }).map((input) => ({
    url: urlOf(route, wellFormed(input)),
    body: input.body,
    headers: {
      ...(input.body === undefined ? {} : { "content-type": "application/json" }),
      ...(input.key === null
        ? {}
        : { "idempotency-key": encodeURIComponent(wellFormed(input.key)) }),
    },
  }));
}

function textsOf(schema: z.ZodType, known: Readonly<Record<string, string>>) {
  return fc.tuple(arbitraryOf(schemaOf(schema)), fc.boolean()).map(([value, isKnown]) => {
    const texts = typeof value === "object" && value !== null ? value : {};
    const keys = Object.keys(schemaOf(schema)["properties"] ?? {});
    const found = keys.filter((key) => key in known).map((key) => [key, known[key]]);
    return { ...texts, ...(isKnown ? Object.fromEntries(found) : {}) } as Record<string, unknown>;
  });
}

function schemaOf(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
}

/** What a URL can say: encodeURIComponent refuses halves of surrogate pairs. */
function wellFormed<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value).replace(/\\ud[89a-f][0-9a-f]{2}/gi, "")) as Value;
}
