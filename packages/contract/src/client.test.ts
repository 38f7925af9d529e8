/** The typed client, with a server that is a function. */
import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { ApiAway, ApiProblem, Client, urlOf } from "./client.ts";
import { EVERY_ROUTE, type Problem, problem, PROBLEM_CODES, PROBLEMS } from "./problem.ts";
import { type Route } from "./route.ts";
import { ROUTES } from "./routes.ts";

const ID = "019b0c5e-7a1f-7cc2-8d5e-0a4b1c2d3e4f";
const BASE = "http://127.0.0.1:8000";
const NOT_FOUND: Problem = {
  type: "/absurd/docs/problems#NOT_FOUND",
  title: "There is no such thing",
  status: 404,
  code: "NOT_FOUND",
  detail: "no task 17",
  instance: "r-1",
};

interface Seen {
  readonly url: string;
  readonly init: RequestInit;
  readonly headers: Headers;
}

/** A client whose server answers so, and what it was asked. */
function clientOf(
  answer: () => Response | Promise<Response>,
  options: Partial<ConstructorParameters<typeof Client>[0]> = {},
): { client: Client; seen: Seen[] } {
  const seen: Seen[] = [];
  const server: typeof fetch = async (url, init = {}) => {
    assert.ok(typeof url === "string");
    seen.push({ url, init, headers: new Headers(init.headers) });
    return answer();
  };
  return { client: new Client({ baseUrl: BASE, fetch: server, ...options }), seen };
}

const NO_TASKS = { tasks: [], next_cursor: null, complete: true, scanned_to: null };
const json = (value: unknown, status = 200): Response => Response.json(value, { status });

describe("a client", () => {
  test("sends path, query and token, and gives the parsed answer", async () => {
    const { client, seen } = clientOf(() => json(NO_TASKS), {
      token: "t-1",
      headers: () => ({ "x-csrf-token": "c-1" }),
    });
    const page = await client.call("listTasks", { query: { q: "age>2h -tag:test", limit: 7 } });
    assert.deepEqual(page, NO_TASKS);
    const [{ url, init, headers }] = seen as [Seen];
    assert.equal(url, `${BASE}/absurd/tasks?q=age%3E2h+-tag%3Atest&limit=7`);
    assert.equal(init.method, "GET");
    assert.equal(init.body, undefined);
    assert.deepEqual(Object.fromEntries(headers), {
      accept: "application/json",
      authorization: "Bearer t-1",
      "x-csrf-token": "c-1",
    });
  });

  test("sends a body as JSON with an idempotency key", async () => {
    const { client, seen } = clientOf(() => json({ task_id: ID, created: true }, 201));
    const body = { task_name: "imaging", params: { dec: 16.2 } };
    const spawned = await client.call("spawnTask", { body }, { idempotencyKey: "k-1" });
    assert.deepEqual(spawned, { task_id: ID, created: true });
    const [{ init, headers }] = seen as [Seen];
    assert.deepEqual(JSON.parse(init.body as string), body);
    assert.equal(headers.get("content-type"), "application/json");
    assert.equal(headers.get("idempotency-key"), "k-1");
  });

  test("sends an empty body where all of it may be left out", async () => {
    const { client, seen } = clientOf(() => json(NOT_FOUND, 404));
    await assert.rejects(client.call("pauseQueue", { params: { queue_name: "a" } }));
    assert.equal(seen[0]!.init.body, "{}");
  });

  test("gives nothing of 204, and text as it is", async () => {
    const none = clientOf(() => new Response(null, { status: 204 }));
    await none.client.call("signOut");
    assert.equal(none.seen[0]!.init.method, "DELETE");
    const text = clientOf(() => new Response("absurd_up 1\n"));
    assert.equal(await text.client.call("getPrometheus"), "absurd_up 1\n");
    assert.equal(text.seen[0]!.headers.get("accept"), "text/plain; version=0.0.4");
  });

  test("throws the server's problem", async () => {
    const { client } = clientOf(() => json(NOT_FOUND, 404));
    await assert.rejects(client.call("getTask", { params: { task_id: ID } }), (error) => {
      assert.ok(error instanceof ApiProblem);
      assert.equal(error.message, "no task 17");
      assert.deepEqual(error.problem, NOT_FOUND);
      return true;
    });
  });

  test.each([
    [
      "an error of something in between",
      () => new Response("<h1>Bad gateway</h1>", { status: 502 }),
    ],
    ["JSON that is no problem", () => json({ message: "no" }, 500)],
    ["what the route does not promise", () => json({ tasks: [{}], next_cursor: null })],
    ["no JSON", () => new Response("{")],
  ])("takes %s for an API that is away", async (_what, answer) => {
    const { client } = clientOf(answer);
    await assert.rejects(client.call("listTasks"), ApiAway);
  });

  test("tells no answer from a call that was given up", async () => {
    const refused = new TypeError("fetch failed");
    const away = clientOf(() => Promise.reject(refused));
    await assert.rejects(away.client.call("listQueueNames"), (error) => {
      assert.ok(error instanceof ApiAway && error.cause === refused);
      assert.match(error.message, /no answer from http:\/\/127\.0\.0\.1:8000/);
      return true;
    });
    const reason = new Error("page left");
    const { client, seen } = clientOf(() => Promise.reject(reason));
    const signal = AbortSignal.abort(reason);
    await assert.rejects(client.call("listQueueNames", {}, { signal }), reason);
    assert.equal(seen[0]!.init.signal, signal);
  });
});

describe("a URL", () => {
  test("escapes what stands in its path, and leaves out what is undefined", () => {
    assert.equal(
      urlOf(ROUTES.getLimit, { params: { kind: "lock", name: "ms/17 ä?" } }),
      "/absurd/limits/lock/ms%2F17%20%C3%A4%3F",
    );
    assert.equal(
      urlOf(ROUTES.listTasks, { query: { q: "a&b=c", cursor: undefined, limit: 3 } }),
      "/absurd/tasks?q=a%26b%3Dc&limit=3",
    );
    assert.equal(urlOf(ROUTES.listTasks, {}), "/absurd/tasks");
  });

  test("of each route has its parameters in its place", () => {
    for (const route of Object.values<Route>(ROUTES)) {
      const names = Object.keys(route.params?.shape ?? {});
      const params = Object.fromEntries(names.map((name) => [name, `<${name}>`]));
      const url = urlOf(route, { params });
      assert.doesNotMatch(url, /[{}<>]/);
      for (const name of names) assert.ok(url.includes(`%3C${name}%3E`), url);
    }
  });
});

describe("problems", () => {
  test("have a status that is an error's, and a title of their own", () => {
    const titles = PROBLEM_CODES.map((code) => PROBLEMS[code].title);
    assert.equal(new Set(titles).size, titles.length);
    for (const code of PROBLEM_CODES) {
      assert.match(code, /^[A-Z]+(_[A-Z]+)*$/);
      assert.ok(PROBLEMS[code].status >= 400 && PROBLEMS[code].status < 600, code);
    }
  });

  test("that any route may give are not listed again by a route", () => {
    const any = new Set<string>(EVERY_ROUTE);
    for (const [name, { problems = [], role }] of Object.entries<Route>(ROUTES)) {
      assert.equal(new Set(problems).size, problems.length, name);
      // Signing in is for everyone, and yet may say who is not known.
      if (role !== null) assert.ok(!problems.some((code) => any.has(code)), name);
    }
  });

  test("are of no other form", () => {
    assert.ok(problem.safeParse(NOT_FOUND).success);
    assert.ok(!problem.safeParse({ ...NOT_FOUND, code: "OOPS" }).success);
    assert.ok(!problem.safeParse({ ...NOT_FOUND, secret: 1 }).success);
    const fault = { field: "q", message: "expected", start: 3, end: 5 };
    assert.ok(problem.safeParse({ ...NOT_FOUND, faults: [fault] }).success);
    assert.ok(!problem.safeParse({ ...NOT_FOUND, faults: [{ ...fault, start: -1 }] }).success);
  });
});

test("routes have distinct methods and paths, and parameters as their paths have them", () => {
  const seen = new Set<string>();
  for (const [name, route] of Object.entries<Route>(ROUTES)) {
    const place = `${route.method} ${route.path.replace(/\{\w+\}/g, "{}")}`;
    assert.ok(!seen.has(place), `${name}: ${place}`);
    seen.add(place);
    const named = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, param]) => param);
    assert.deepEqual(Object.keys(route.params?.shape ?? {}), named, name);
    assert.ok(!(route.method === "GET" && route.body), name);
  }
});
