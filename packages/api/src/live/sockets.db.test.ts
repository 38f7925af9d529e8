import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";

import { AbsurdClient } from "@contimg/absurd";
import { liveEvent, socketMessage } from "@contimg/contract";
import { until } from "@contimg/testkit";
import { describe, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";

import type { AppOptions } from "../app.ts";
import { AccessStore } from "../access/access-store.ts";
import { ChangeLog } from "../testing/change-log.ts";
import { testApps } from "../testing/test-app.ts";
import { serveLive } from "./live.ts";

const apps = testApps();

async function listen(log: ChangeLog, options: Partial<AppOptions> = {}, beatMs?: number) {
  const app = apps.app(options);
  const feed = serveLive({
    app,
    client: new AbsurdClient(apps.pool()),
    openSource: log.open,
    readProgress: async () => [],
    basePath: "",
    origins: [],
    isLocalOnly: options.auth !== "tokens",
    isEnabled: true,
    pollMs: 10,
    ...(beatMs === undefined ? {} : { beatMs }),
  });
  await app.fastify.listen({ host: "127.0.0.1", port: 0 });
  const { port } = app.fastify.server.address() as { port: number };
  return { app, feed, port, url: `http://127.0.0.1:${port}/absurd/live` };
}

/** An EventSource: events by their data, and the last id. */
async function openEvents(url: string, headers: Record<string, string> = {}) {
  const stop = new AbortController();
  onTestFinished(() => {
    stop.abort();
  });
  const answer = await fetch(url, { headers, signal: stop.signal });
  const heard = { status: answer.status, text: "", isOver: false, stop };
  void (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of answer.body! as AsyncIterable<Uint8Array>)
      heard.text += decoder.decode(chunk, { stream: true });
  })()
    .catch(() => undefined)
    .finally(() => (heard.isOver = true));
  return {
    ...heard,
    get text() {
      return heard.text;
    },
    get isOver() {
      return heard.isOver;
    },
    tasks: () =>
      [...heard.text.matchAll(/^data: (\{"type".*)$/gm)]
        .map((match) => liveEvent.parse(JSON.parse(match[1]!)))
        .flatMap((event) => (event.type === "task_update" ? [event.task_id.slice(-1)] : [])),
    lastId: () => [...heard.text.matchAll(/^id: (.*)$/gm)].at(-1)?.[1],
  };
}

describe("Server-Sent Events", () => {
  test("go on after Last-Event-ID without loss", async () => {
    const log = new ChangeLog();
    const { url } = await listen(log);
    const first = await openEvents(url);
    await until(() => first.lastId(), { what: "the first id" });
    log.add("1");
    await until(() => first.tasks().length === 1, { what: "the first change" });
    first.stop.abort();
    log.add("2");
    log.add("3");

    const second = await openEvents(url, { "last-event-id": first.lastId()! });
    await until(() => second.tasks().length === 2, { what: "what was missed" });

    assert.deepEqual(second.tasks(), ["2", "3"]);
    assert.match(second.text, /^retry: 2000$/m);
  });

  test("of another task only move the id", async () => {
    const log = new ChangeLog();
    const { url } = await listen(log);
    const other = "0199a000-0000-7000-8000-00000000000f";
    const stream = await openEvents(`${url}?task_id=${other}`);
    await until(() => stream.lastId(), { what: "the first id" });

    log.add("1");
    await until(() => stream.lastId() === "1", { what: "the id after the change" });

    assert.deepEqual(stream.tasks(), []);
  });

  test("end with a reason when the server does, and need who listens", async () => {
    const { app, url } = await listen(new ChangeLog(), { auth: "tokens" });
    const refused = await fetch(url);
    const { secret } = await new AccessStore(apps.pool()).createToken({
      name: "listener",
      role: "viewer",
      createdBy: "test",
    });
    const stream = await openEvents(url, { authorization: `Bearer ${secret}` });
    await until(() => stream.lastId(), { what: "the first id" });

    await app.fastify.close();
    await until(() => stream.isOver, { what: "the end" });

    assert.equal(refused.status, 401);
    assert.match(stream.text, /event: disconnect\ndata: {"reason":"server_shutdown"}/);
  });

  test("to a client that does not read hold up nobody and take no memory", async () => {
    const log = new ChangeLog();
    const { app, feed, port, url } = await listen(log);
    const sockets: Socket[] = [];
    app.fastify.server.on("connection", (socket) => sockets.push(socket));
    const deaf = connect(port, "127.0.0.1");
    onTestFinished(() => void deaf.destroy());
    deaf.write("GET /absurd/live HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await once(deaf, "readable");
    const reader = await openEvents(url);
    await until(() => reader.lastId(), { what: "the first id" });
    const large = "x".repeat(10_000);

    for (let count = 0; count < 5_000; count++) {
      const at = "2026-01-01T00:00:00Z";
      const progress = { fraction: 0, note: large };
      const task = "0199a000-0000-7000-8000-000000000001";
      feed.tell([{ type: "progress", task_id: task, progress, at }]);
      // The reader reads meanwhile.
      if (count % 50 === 0) await new Promise((wake) => setImmediate(wake));
    }
    log.add("1");
    await until(() => reader.tasks().length === 1, { what: "the reader's change" });

    const waitingMb = Math.max(...sockets.map((socket) => socket.writableLength)) / 2 ** 20;
    // 50 MB were told; for who does not read, a megabyte and a bit is kept.
    assert.ok(waitingMb > 0.5 && waitingMb < 2, `${waitingMb} MB`);
    let heard = "";
    deaf.on("data", (chunk) => (heard += chunk.toString()));
    await until(() => heard.includes('"type":"gap"'), { what: "the gap, once it reads" });
  });
});

/** Messages of a socket, in order. */
function openSocket(port: number, query = "", options: object = {}) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/absurd/ws${query}`, options);
  onTestFinished(() => {
    socket.terminate();
  });
  const heard: ReturnType<typeof socketMessage.parse>[] = [];
  socket.on("message", (data: Buffer) => {
    heard.push(socketMessage.parse(JSON.parse(data.toString())));
  });
  // Refusals are looked at by their status.
  socket.on("error", () => undefined);
  return {
    socket,
    heard,
    say: (message: object) => {
      socket.send(JSON.stringify(message));
    },
    next: (type: string) =>
      until(() => heard.find((message) => message.type === type), { what: type }),
  };
}

const tokenIn = (message: { data: unknown }) =>
  (message.data as { reconnect_token: string }).reconnect_token;

describe("the WebSocket", () => {
  test("tells topics that are subscribed, and goes on with its reconnect token", async () => {
    const log = new ChangeLog();
    const { port } = await listen(log);
    const { say, next, heard, socket } = openSocket(port);
    await next("connected");
    say({ type: "ping" });
    await next("pong");
    say({ type: "subscribe", topic: "queue:a" });
    await next("subscribed");
    log.add("2");
    const update = await next("task_update");
    say({ type: "subscribe", topic: "nothing:else" });
    await next("error");
    socket.close();
    log.add("3");

    assert.equal(update.job_id?.slice(-1), "2");
    // The token of the subscription is from before the second change: at least once.
    const token = tokenIn(heard.find(({ type }) => type === "subscribed")!);
    const again = openSocket(port, `?reconnect_token=${token}`);
    await until(
      () => again.heard.some(({ type, job_id: id }) => type === "task_update" && id?.endsWith("3")),
      { what: "the change that was missed" },
    );
  });

  test("ends with a reason when heartbeats are not answered", async () => {
    const { port } = await listen(new ChangeLog(), {}, 30);
    const deaf = openSocket(port);
    const answering = openSocket(port);
    answering.socket.on("message", (data: Buffer) => {
      if (data.toString().includes('"heartbeat"')) answering.say({ type: "heartbeat_ack" });
    });

    const said = await deaf.next("disconnect");

    assert.equal((said.data as { reason: string }).reason, "heartbeat_timeout");
    assert.equal(deaf.heard.filter(({ type }) => type === "heartbeat").length, 3);
    assert.equal(answering.socket.readyState, WebSocket.OPEN);
  });

  test("asks who listens, and refuses pages of others", async () => {
    const open = await listen(new ChangeLog());
    const guarded = await listen(new ChangeLog(), { auth: "tokens" });
    const statusOf = async (port: number, headers: Record<string, string>) => {
      const { socket } = openSocket(port, "", { headers });
      const [, answer] = (await once(socket, "unexpected-response")) as [
        unknown,
        { statusCode: number },
      ];
      return answer.statusCode;
    };

    assert.equal(await statusOf(open.port, { origin: "https://evil.example" }), 403);
    assert.equal(await statusOf(open.port, { host: "rebound.example" }), 403);
    assert.equal(await statusOf(guarded.port, {}), 401);
  });
});
