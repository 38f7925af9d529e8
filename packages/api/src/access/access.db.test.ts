import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import type { Role } from "@contimg/contract";
import { describe, test } from "vitest";

import { testApps } from "../testing/test-app.ts";
import { AccessStore } from "./access-store.ts";

const apps = testApps();
let names = 0;

async function token(role: Role): Promise<{ secret: string; name: string; tokenId: string }> {
  const name = `${role} ${++names}`;
  return new AccessStore(apps.pool()).createToken({ name, role, createdBy: "test" });
}

const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` });

describe("a token", () => {
  test("opens what its role may do, and no more", async () => {
    const { fastify } = apps.app({ auth: "tokens" });
    const viewer = await token("viewer");

    const nobody = await fastify.inject("/absurd/audit");
    const seen = await fastify.inject({ url: "/absurd/audit", headers: bearer(viewer.secret) });
    const tokens = await fastify.inject({ url: "/absurd/tokens", headers: bearer(viewer.secret) });

    assert.equal(nobody.statusCode, 401);
    assert.equal(nobody.headers["www-authenticate"], "Bearer");
    assert.equal(seen.statusCode, 200);
    assert.equal(tokens.statusCode, 403);
    assert.match(tokens.json<{ detail: string }>().detail, /viewer 1 is viewer.*role admin/);
  });

  test("is stored as a hash, shown once and revoked at once with its sessions", async () => {
    const { fastify } = apps.app({ auth: "tokens" });
    const admin = await token("admin");
    const made = await fastify.inject({
      method: "POST",
      url: "/absurd/tokens",
      headers: bearer(admin.secret),
      payload: { name: "made", role: "operator" },
    });
    const { secret, token_id: id } = made.json<{ secret: string; token_id: string }>();
    const signedIn = await fastify.inject({
      method: "POST",
      url: "/absurd/session",
      payload: { token: secret },
    });
    const cookie = String(signedIn.headers["set-cookie"]).split(";")[0]!;
    assert.equal(
      (await fastify.inject({ url: "/absurd/audit", headers: { cookie } })).statusCode,
      200,
    );

    const { rows } = await apps.pool().query("select * from absurd_api.token");
    await fastify.inject({
      method: "DELETE",
      url: `/absurd/tokens/${id}`,
      headers: bearer(admin.secret),
    });
    const byToken = await fastify.inject({ url: "/absurd/audit", headers: bearer(secret) });
    const bySession = await fastify.inject({ url: "/absurd/audit", headers: { cookie } });

    assert.doesNotMatch(JSON.stringify(rows), new RegExp(secret));
    assert.equal(byToken.statusCode, 401);
    assert.equal(bySession.statusCode, 401);
  });

  test("that has expired is none", async () => {
    const { fastify } = apps.app({ auth: "tokens" });
    const { secret, tokenId } = await token("viewer");
    await apps
      .pool()
      .query("update absurd_api.token set expires_at = now() - interval '1s' where token_id = $1", [
        tokenId,
      ]);

    const answer = await fastify.inject({ url: "/absurd/audit", headers: bearer(secret) });

    assert.equal(answer.statusCode, 401);
  });

  test("is not found by trying: an address is made to wait", async () => {
    const { fastify } = apps.app({ auth: "tokens" });
    const { secret } = await token("viewer");
    const attempt = (of: string) =>
      fastify.inject({ url: "/absurd/audit", headers: bearer(of), remoteAddress: "203.0.113.9" });

    const wrong = [];
    for (let count = 0; count < 11; count++) wrong.push((await attempt("guess")).statusCode);
    const good = await attempt(secret);

    assert.deepEqual(new Set(wrong.slice(0, 10)), new Set([401]));
    assert.equal(wrong[10], 429);
    // Also a good one waits: the answer must not say which was good.
    assert.equal(good.statusCode, 429);
    const elsewhere = await fastify.inject({ url: "/absurd/audit", headers: bearer(secret) });
    assert.equal(elsewhere.statusCode, 200);
  });
});

describe("a session", () => {
  test("has a cookie that scripts and other sites do not get", async () => {
    const { fastify } = apps.app({ auth: "tokens", trustProxy: true, basePath: "/ops" });
    const { secret } = await token("viewer");

    const answer = await fastify.inject({
      method: "POST",
      url: "/ops/absurd/session",
      headers: { "x-forwarded-proto": "https" },
      payload: { token: secret },
    });

    const cookie = String(answer.headers["set-cookie"]);
    for (const part of ["HttpOnly", "SameSite=Strict", "Secure", "Path=/ops"]) {
      assert.ok(cookie.includes(part), part);
    }
    assert.doesNotMatch(cookie, new RegExp(secret));
  });

  test("writes only with its CSRF token, and not from a page of another site", async () => {
    const { fastify } = apps.app({ auth: "tokens" });
    const { secret } = await token("viewer");
    const signedIn = await fastify.inject({
      method: "POST",
      url: "/absurd/session",
      payload: { token: secret },
    });
    const cookie = String(signedIn.headers["set-cookie"]).split(";")[0]!;
    const { csrf_token: csrf } = signedIn.json<{ csrf_token: string }>();
    const save = (headers: Record<string, string>, name: string) =>
      fastify.inject({
        method: "POST",
        url: "/absurd/views",
        headers: { cookie, ...headers },
        payload: { name, page: "tasks", terms: {} },
      });

    const bare = await save({}, "a");
    const foreign = await save({ "x-csrf-token": csrf, origin: "https://evil.example" }, "b");
    const sibling = await save({ "x-csrf-token": csrf, "sec-fetch-site": "same-site" }, "c");
    const good = await save({ "x-csrf-token": csrf, origin: "http://localhost:80" }, "d");

    assert.deepEqual(
      [bare, foreign, sibling, good].map(({ statusCode }) => statusCode),
      [403, 403, 403, 201],
    );
    assert.equal(bare.json<{ code: string }>().code, "CSRF");
  });

  test("ends with signing out", async () => {
    const { fastify } = apps.app({ auth: "tokens" });
    const { secret } = await token("viewer");
    const signedIn = await fastify.inject({
      method: "POST",
      url: "/absurd/session",
      payload: { token: secret },
    });
    const cookie = String(signedIn.headers["set-cookie"]).split(";")[0]!;
    const csrf = signedIn.json<{ csrf_token: string }>().csrf_token;
    await fastify.inject({
      method: "DELETE",
      url: "/absurd/session",
      headers: { cookie, "x-csrf-token": csrf },
    });

    const after = await fastify.inject({ url: "/absurd/session", headers: { cookie } });

    assert.equal(after.json<{ actor: null }>().actor, null);
  });
});

describe("a server without authentication", () => {
  test("answers to names of its own machine only", async () => {
    const { fastify } = apps.app({ origins: ["https://ops.example.org"] });
    const under = (host: string) => fastify.inject({ url: "/absurd/session", headers: { host } });

    assert.equal((await under("localhost:8000")).statusCode, 200);
    assert.equal((await under("[::1]:8000")).statusCode, 200);
    assert.equal((await under("ops.example.org")).statusCode, 200);
    assert.equal((await under("rebound.example")).statusCode, 403);
  });

  test("refuses writes from pages of others", async () => {
    const { fastify } = apps.app();

    const answer = await fastify.inject({
      method: "POST",
      url: "/absurd/views",
      headers: { origin: "https://evil.example" },
      payload: { name: "x", page: "tasks", terms: {} },
    });

    assert.equal(answer.json<{ code: string }>().code, "CSRF");
  });
});

describe("CORS", () => {
  test("lets in the origins that are listed, and says nothing to others", async () => {
    const { fastify } = apps.app({ origins: ["https://ops.example.org"] });
    const preflight = (origin: string) =>
      fastify.inject({
        method: "OPTIONS",
        url: "/absurd/tasks",
        headers: { origin, "access-control-request-method": "POST" },
      });

    const good = await preflight("https://ops.example.org");
    const other = await preflight("https://evil.example");

    assert.equal(good.statusCode, 204);
    assert.equal(good.headers["access-control-allow-origin"], "https://ops.example.org");
    assert.equal(other.headers["access-control-allow-origin"], undefined);
  });
});

describe("the audit log", () => {
  test("has every write with who, what and why, also those refused; and no secret", async () => {
    const { fastify } = apps.app(
      { auth: "tokens" },
      {
        spawnTask: async () => ({
          task_id: "0199a000-0000-7000-8000-000000000001",
          created: true,
        }),
      },
    );
    const admin = await token("admin");
    const viewer = await token("viewer");
    const spawn = (by: string) =>
      fastify.inject({
        method: "POST",
        url: "/absurd/tasks",
        headers: bearer(by),
        payload: { task_name: "a", params: { password: "hunter2", ra: 1 } },
      });

    const done = await spawn(admin.secret);
    await spawn(viewer.secret);
    await fastify.inject({
      method: "DELETE",
      url: `/absurd/tokens/${viewer.tokenId}`,
      headers: bearer(admin.secret),
    });
    const log = await fastify.inject({
      url: `/absurd/audit?actor=${encodeURIComponent(admin.name)}`,
      headers: bearer(admin.secret),
    });
    const refused = await fastify.inject({
      url: `/absurd/audit?actor=${encodeURIComponent(viewer.name)}`,
      headers: bearer(admin.secret),
    });

    const { entries } = log.json<{ entries: Record<string, unknown>[] }>();
    assert.deepEqual(
      entries.map(({ action, target, status }) => [action, target, status]),
      [
        ["deleteToken", viewer.tokenId, 204],
        ["spawnTask", "0199a000-0000-7000-8000-000000000001", 201],
      ],
    );
    assert.equal(entries[1]!["request_id"], done.headers["x-request-id"]);
    assert.match(log.body, /"password":"•••","ra":1|"ra":1,"password":"•••"/);
    assert.doesNotMatch(log.body, /hunter2/);
    assert.equal(refused.json<{ entries: { status: number }[] }>().entries[0]!.status, 403);
  });

  test("is read in pages", async () => {
    const { fastify } = apps.app();
    for (const name of ["p1", "p2", "p3"]) {
      await fastify.inject({
        method: "POST",
        url: "/absurd/views",
        payload: { name, page: "tasks", terms: {} },
      });
    }

    const url = "/absurd/audit?actor=local&action=createView&limit=2";
    const first = (await fastify.inject(url)).json<{ entries: object[]; next_cursor: string }>();
    const second = await fastify.inject(`${url}&cursor=${first.next_cursor}`);

    assert.equal(first.entries.length, 2);
    const rest = second.json<{ entries: object[]; next_cursor: null }>();
    assert.ok(rest.entries.length >= 1);
    assert.equal(rest.next_cursor, null);
  });
});

describe("a saved view", () => {
  test("is its owner's to change, and seen by others when it is shared", async () => {
    const { fastify } = apps.app({ auth: "tokens" });
    const [one, other] = [await token("viewer"), await token("viewer")];
    const make = (shared: boolean) =>
      fastify.inject({
        method: "POST",
        url: "/absurd/views",
        headers: bearer(one.secret),
        payload: { name: `shared ${shared}`, page: "tasks", terms: { q: "status:failed" }, shared },
      });
    const { view_id: id } = (await make(true)).json<{ view_id: string }>();
    await make(false);

    const again = await make(true);
    const seen = await fastify.inject({ url: "/absurd/views", headers: bearer(other.secret) });
    const stolen = await fastify.inject({
      method: "PATCH",
      url: `/absurd/views/${id}`,
      headers: bearer(other.secret),
      payload: { terms: { q: "" } },
    });
    const own = await fastify.inject({
      method: "PATCH",
      url: `/absurd/views/${id}`,
      headers: bearer(one.secret),
      payload: { terms: { q: "status:pending" } },
    });

    assert.equal(again.statusCode, 409);
    const { views } = seen.json<{ views: { name: string; owner: string }[] }>();
    assert.deepEqual(
      views.filter(({ owner }) => owner === one.name).map(({ name }) => name),
      ["shared true"],
    );
    assert.equal(stolen.statusCode, 404);
    assert.deepEqual(own.json<{ terms: object }>().terms, { q: "status:pending" });
  });

  test("is refused with a filter that cannot be read, at the place of the fault", async () => {
    const terms = { q: "-tag:a age>" };
    for (const page of ["tasks", "dead-letters"]) {
      const id = await saved({ page, terms: {} });
      for (const answer of [await save({ page, terms }), await change(id, { terms })]) {
        const { code, faults } = answer.json<{ code: string; faults: Record<string, unknown>[] }>();
        assert.deepEqual([answer.statusCode, code], [422, "INVALID_FILTER"]);
        const [fault = {}] = faults;
        assert.equal(fault["field"], "body.terms.q");
        assert.ok(Number(fault["start"]) >= 7, JSON.stringify(faults));
      }
    }
    // Grammar, but nothing that dead letters have.
    const workers = await save({ page: "dead-letters", terms: { q: "worker:7" } });
    assert.match(workers.json<{ detail: string }>().detail, /dead letters have queue, name/);
  });

  test("says what its page has, and is refused with another's terms", async () => {
    const terms = { state: "all", find: "status:failed age>", mine: true };
    const id = await saved({ page: "failures", terms });
    const seen = await apps.app().fastify.inject("/absurd/views?page=failures");
    const { views } = seen.json<{ views: { view_id: string; terms: object }[] }>();
    assert.deepEqual(views.find((each) => each.view_id === id)?.terms, terms);

    const fieldsOf = async (answer: ReturnType<typeof save>) => {
      const { code, faults } = (await answer).json<{ code: string; faults: { field: string }[] }>();
      return [code, ...faults.map(({ field }) => field)];
    };
    assert.deepEqual(await fieldsOf(save({ page: "workflows", terms: { status: "odd" } })), [
      "INVALID_PARAMS",
      "body.terms.status",
    ]);
    assert.deepEqual(await fieldsOf(save({ page: "failures", terms: { q: "status:failed" } })), [
      "INVALID_PARAMS",
      "body.terms",
    ]);
    // Terms of workflows, of a view of failures.
    assert.deepEqual(await fieldsOf(change(id, { terms: { status: "running" } })), [
      "INVALID_PARAMS",
      "body.terms",
    ]);
    const changed = await change(id, { terms: { mine: false } });
    assert.deepEqual(changed.json<{ terms: object }>().terms, { mine: false });
  });

  const save = (view: object) =>
    apps.app().fastify.inject({
      method: "POST",
      url: "/absurd/views",
      payload: { name: `view ${randomUUID()}`, ...view },
    });

  async function saved(view: object): Promise<string> {
    const answer = await save(view);
    assert.equal(answer.statusCode, 201, answer.body);
    return answer.json<{ view_id: string }>().view_id;
  }

  const change = (id: string, payload: object) =>
    apps.app().fastify.inject({ method: "PATCH", url: `/absurd/views/${id}`, payload });
});
