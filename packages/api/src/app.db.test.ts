import assert from "node:assert/strict";
import { connect } from "node:net";
import { text } from "node:stream/consumers";

import { type Problem, problem } from "@contimg/contract";
import { describe, test } from "vitest";

import { testApps } from "./testing/test-app.ts";

const apps = testApps();
const TASK = "0199a000-0000-7000-8000-000000000001";

/** Enough of a task for what these tests ask. */
const spawned = { task_id: TASK, created: true };

function problemIn(answer: { body: string; headers: Record<string, unknown> }): Problem {
  assert.match(String(answer.headers["content-type"]), /^application\/problem\+json/);
  return problem.parse(JSON.parse(answer.body));
}

describe("an error answer is a problem", () => {
  test.each([
    ["GET", "/absurd/nothing", {}, undefined, 404, "NOT_FOUND"],
    ["PATCH", "/absurd/tasks", {}, undefined, 405, "METHOD_NOT_ALLOWED"],
    ["POST", "/absurd/tasks", { "content-type": "application/json" }, "{", 400, "MALFORMED_BODY"],
    ["POST", "/absurd/tasks", { "content-type": "application/json" }, "", 400, "MALFORMED_BODY"],
    [
      "POST",
      "/absurd/tasks",
      { "content-type": "text/xml" },
      "<a/>",
      415,
      "UNSUPPORTED_MEDIA_TYPE",
    ],
    ["POST", "/absurd/tasks", { "content-type": "application/json" }, "{}", 422, "INVALID_PARAMS"],
    ["GET", "/absurd/audit?limit=0", {}, undefined, 422, "INVALID_PARAMS"],
    ["GET", "/absurd/audit?unknown=1", {}, undefined, 422, "INVALID_PARAMS"],
    ["GET", "/absurd/audit?cursor=x", {}, undefined, 422, "INVALID_CURSOR"],
    ["GET", "/absurd/%ff", {}, undefined, 400, "MALFORMED_REQUEST"],
  ] as const)("%s %s %j %j: %d", async (method, url, headers, payload, status, code) => {
    const { fastify } = apps.app({}, { spawnTask: async () => spawned });

    const answer = await fastify.inject({
      method,
      url,
      headers,
      ...(payload === undefined ? {} : { payload }),
    });

    assert.equal(answer.statusCode, status);
    const told = problemIn(answer);
    assert.equal(told.code, code);
    assert.equal(told.instance, answer.headers["x-request-id"]);
    if (status === 405) assert.match(String(answer.headers["allow"]), /GET, POST/);
  });

  test("also for a body that is too large, text that cannot be stored, and depth", async () => {
    const { fastify } = apps.app({}, { spawnTask: async () => spawned });
    const post = (payload: string) =>
      fastify.inject({
        method: "POST",
        url: "/absurd/tasks",
        headers: { "content-type": "application/json" },
        payload,
      });

    const large = await post(JSON.stringify({ task_name: "a", params: "x".repeat(17 << 20) }));
    const nul = await post('{"task_name": "a", "params": {"x": ["\\u0000"]}}');
    const half = await post('{"task_name": "a", "params": "\\ud800"}');
    const deep = await post(`{"task_name":"a","params":${"[".repeat(9999)}${"]".repeat(9999)}}`);

    assert.equal(problemIn(large).code, "BODY_TOO_LARGE");
    assert.equal(problemIn(nul).faults?.[0]?.field, "body.params.x.0");
    assert.match(problemIn(half).detail, /surrogate/);
    assert.match(problemIn(deep).detail, /deeper than 100/);
  });

  test("also for what is no HTTP", async () => {
    const { fastify } = apps.app();
    await fastify.listen({ host: "127.0.0.1", port: 0 });
    const { port } = fastify.server.address() as { port: number };

    const socket = connect(port, "127.0.0.1");
    socket.end("SPEAK friend\r\n\r\n");
    const answer = await text(socket);

    assert.match(answer, /^HTTP\/1\.1 400 /);
    assert.match(answer, /"code":"MALFORMED_REQUEST"/);
  });

  test("and a fault of ours tells nothing of its cause", async () => {
    const { fastify } = apps.app(
      {},
      {
        listQueueNames: async () => {
          throw new Error("password is hunter2");
        },
      },
    );

    const answer = await fastify.inject("/absurd/queues");

    assert.equal(problemIn(answer).code, "INTERNAL");
    assert.doesNotMatch(answer.body, /hunter2/);
  });
});

describe("an ETag", () => {
  test("spares a client what it has", async () => {
    const { fastify } = apps.app({}, { listQueueNames: async () => ["a"] });
    const first = await fastify.inject("/absurd/queues");
    const etag = String(first.headers["etag"]);

    const same = await fastify.inject({
      url: "/absurd/queues",
      headers: { "if-none-match": etag },
    });
    const other = await fastify.inject({
      url: "/absurd/queues",
      headers: { "if-none-match": 'W/"x"' },
    });

    assert.equal(same.statusCode, 304);
    assert.equal(same.body, "");
    assert.equal(other.statusCode, 200);
  });

  test("as If-Match refuses a write to what has changed", async () => {
    let version = 1;
    const { fastify } = apps.app(
      {},
      {
        getEvent: async ({ params }) => ({
          ...params,
          emitted_at: null,
          payload: version,
          task_id: null,
          waiters: [],
        }),
        emitEvent: async () => ({ first: true }),
      },
    );
    const url = "/absurd/events/done";
    const etag = String((await fastify.inject(url)).headers["etag"]);
    const write = () =>
      fastify.inject({ method: "POST", url, headers: { "if-match": etag }, payload: {} });

    const good = await write();
    version = 2;
    const late = await write();

    assert.equal(good.statusCode, 201);
    assert.equal(problemIn(late).code, "PRECONDITION_FAILED");
  });
});

describe("an Idempotency-Key", () => {
  const key = (value: string) => ({ "idempotency-key": value });
  const body = (name: string) => ({ task_name: name });

  test("gives a second request the first one's answer, and another request none", async () => {
    let count = 0;
    const { fastify } = apps.app(
      {},
      {
        spawnTask: async () => {
          count += 1;
          return spawned;
        },
      },
    );
    const post = (name: string) =>
      fastify.inject({
        method: "POST",
        url: "/absurd/tasks",
        headers: key("one"),
        payload: body(name),
      });

    const first = await post("a");
    const second = await post("a");
    const other = await post("b");

    assert.equal(count, 1);
    assert.equal(second.statusCode, first.statusCode);
    assert.equal(second.body, first.body);
    assert.equal(second.headers["idempotency-replayed"], "true");
    assert.equal(problemIn(other).code, "IDEMPOTENCY_CONFLICT");
  });

  test("makes duplicates at the same time one", async () => {
    let count = 0;
    const gate = Promise.withResolvers<undefined>();
    const begun = Promise.withResolvers<undefined>();
    const { fastify } = apps.app(
      {},
      {
        spawnTask: async () => {
          count += 1;
          begun.resolve(undefined);
          await gate.promise;
          return spawned;
        },
      },
    );
    const post = () =>
      fastify
        .inject({
          method: "POST",
          url: "/absurd/tasks",
          headers: key("two"),
          payload: body("a"),
        })
        .then((answer) => answer);

    const both = [post(), post()];
    await begun.promise;
    gate.resolve(undefined);
    const answers = await Promise.all(both);

    assert.equal(count, 1);
    assert.deepEqual(
      answers.map(({ statusCode }) => statusCode),
      [201, 201],
    );
  });

  test("is free again after a refusal, which changed nothing", async () => {
    let count = 0;
    const { fastify } = apps.app(
      {},
      {
        spawnTask: async () => {
          if (++count === 1) throw new Error("once");
          return spawned;
        },
      },
    );
    const post = () =>
      fastify.inject({
        method: "POST",
        url: "/absurd/tasks",
        headers: key("three"),
        payload: body("a"),
      });

    assert.equal((await post()).statusCode, 500);
    assert.equal((await post()).statusCode, 201);
  });
});

describe("a server that is switched off", () => {
  test("answers health and session only", async () => {
    const { fastify } = apps.app(
      { isEnabled: false },
      { getLiveness: async () => ({ status: "ok", enabled: false }) },
    );

    const audit = await fastify.inject("/absurd/audit");

    assert.equal(audit.statusCode, 503);
    assert.equal(problemIn(audit).code, "ABSURD_DISABLED");
    assert.equal((await fastify.inject("/absurd/health")).statusCode, 200);
    assert.equal((await fastify.inject("/absurd/session")).statusCode, 200);
  });
});

describe("a caller in a hurry", () => {
  test("is told to wait, and health is not counted", async () => {
    const rate = { perSecond: 0.001, burst: 2 };
    const { fastify } = apps.app(
      { rates: { local: rate, other: rate } },
      { getLiveness: async () => ({ status: "ok", enabled: true }) },
    );

    await fastify.inject("/absurd/audit");
    await fastify.inject("/absurd/audit");
    const third = await fastify.inject("/absurd/audit");

    assert.equal(problemIn(third).code, "RATE_LIMITED");
    assert.ok(Number(third.headers["retry-after"]) > 1);
    assert.equal((await fastify.inject("/absurd/health")).statusCode, 200);
  });
});

describe("a request that takes too long", () => {
  test("is given up, and its handler told", async () => {
    let isTold = false;
    const { fastify } = apps.app(
      { answerSeconds: 0.05 },
      {
        listQueueNames: (_input, { signal }) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener("abort", () => {
              isTold = true;
              reject(new Error("aborted"));
            });
          }),
      },
    );

    const answer = await fastify.inject("/absurd/queues");

    assert.equal(problemIn(answer).code, "TIMED_OUT");
    assert.ok(isTold);
  });
});

describe("every answer", () => {
  test("has headers that keep a browser strict", async () => {
    const { fastify } = apps.app();

    const { headers } = await fastify.inject("/absurd/session");

    const policy = String(headers["content-security-policy"]);
    assert.match(policy, /default-src 'none'/);
    assert.doesNotMatch(policy, /unsafe/);
    assert.equal(headers["x-content-type-options"], "nosniff");
  });
});
