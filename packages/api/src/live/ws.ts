/**
 * The mission's WebSocket, /absurd/ws: topics, heartbeats, and a token to go on with.
 *
 * The reconnect token is where a client was and what it had subscribed to, so that it is good after
 * a restart of the server, too. It gives no right: who comes with it is asked who it is as before.
 */
import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

import { type LiveEvent, PROBLEMS, SOCKET_PATH, socketRequest } from "@contimg/contract";
import { type WebSocket, WebSocketServer } from "ws";
import { z } from "zod";

import { RateLimiter } from "../hooks/rate-limit.ts";
import { ApiError, toApiError } from "../problem.ts";
import type { LiveFeed } from "./feed.ts";
import { Outlet, type Pipe } from "./outlet.ts";

export interface SocketOptions {
  readonly feed: LiveFeed;
  /** @throws {ApiError} when the caller may not listen */
  readonly admit: (request: IncomingMessage) => Promise<void>;
  readonly basePath: string;
  readonly beatMs?: number;
  readonly socketsMax?: number;
}

type Reason =
  "normal" | "client_disconnect" | "heartbeat_timeout" | "error" | "server_shutdown" | "signed_out";

const BEAT_MS = 30_000;
const MISSED_MAX = 3;
const MESSAGE_BYTES_MAX = 16 * 1024;
const TOPICS_MAX = 100;
const SOCKETS_MAX = 500;
const REQUESTS = { perSecond: 20, burst: 100 };
const TOPIC = /^(pipeline:all|queue:.{1,200}|job:[0-9a-f-]{36})$/i;
const GOING_AWAY = 1001;
const POLICY = 1008;

const tokenSchema = z.object({
  client: z.uuid(),
  cursor: z.string().max(500).nullable(),
  topics: z.array(z.string().regex(TOPIC)).max(TOPICS_MAX),
});
type Place = z.output<typeof tokenSchema>;

export interface Sockets {
  /** For the server's event "upgrade". */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  close(): Promise<void>;
}

export function serveSockets(options: SocketOptions): Sockets {
  const server = new WebSocketServer({ noServer: true, maxPayload: MESSAGE_BYTES_MAX });
  const open = new Set<Connection>();
  const accept = async (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const url = new URL(request.url ?? "/", "http://any");
    if (url.pathname.replace(options.basePath, "") !== SOCKET_PATH) {
      throw new ApiError("NOT_FOUND", `no socket at ${url.pathname}; it is ${SOCKET_PATH}`);
    }
    if (open.size >= (options.socketsMax ?? SOCKETS_MAX)) {
      throw new ApiError("RATE_LIMITED", "too many sockets are open on this server");
    }
    await options.admit(request);
    server.handleUpgrade(request, socket, head, (webSocket) => {
      const place = placeOf(url.searchParams.get("reconnect_token"));
      const connection = new Connection(webSocket, request, place, options);
      open.add(connection);
      webSocket.once("close", () => open.delete(connection));
      void connection.run();
    });
  };
  return {
    upgrade(request, socket, head) {
      socket.on("error", () => socket.destroy());
      accept(request, socket, head).catch((error: unknown) => {
        refuse(socket, toApiError(error));
      });
    },
    async close() {
      for (const connection of open) connection.end("server_shutdown", GOING_AWAY);
      server.close();
    },
  };
}

function refuse(socket: Duplex, error: ApiError): void {
  const { status, title } = PROBLEMS[error.code];
  const body = JSON.stringify({ code: error.code, title, status, detail: error.message });
  socket.end(
    `HTTP/1.1 ${status} ${title.replace(/[^ -~]/g, "")}\r\n` +
      "content-type: application/problem+json\r\n" +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

/** What a token says, or a new place. */
function placeOf(token: string | null): Place {
  const fresh = { client: randomUUID(), cursor: null, topics: [] };
  if (token === null) return fresh;
  try {
    return tokenSchema.parse(JSON.parse(Buffer.from(token, "base64url").toString()));
  } catch {
    return fresh;
  }
}

class Connection implements Pipe {
  readonly #socket: WebSocket;
  readonly #request: IncomingMessage;
  readonly #options: SocketOptions;
  readonly #client: string;
  readonly #topics: Set<string>;
  readonly #requests = new RateLimiter(REQUESTS);
  #cursor: string | null;
  #missed = 0;

  constructor(socket: WebSocket, request: IncomingMessage, place: Place, options: SocketOptions) {
    this.#socket = socket;
    this.#request = request;
    this.#options = options;
    this.#client = place.client;
    this.#cursor = place.cursor;
    this.#topics = new Set(place.topics);
  }

  get waitingBytes(): number {
    return this.#socket.bufferedAmount;
  }

  async run(): Promise<void> {
    const { feed, beatMs = BEAT_MS } = this.#options;
    const outlet = new Outlet(this, (event) => this.#wants(event));
    const beat = setInterval(() => void this.#beat(outlet), beatMs);
    const closed = new Promise<void>((resolve) => this.#socket.once("close", resolve));
    this.#socket.on("message", (data: Buffer) => {
      this.#receive(data.toString());
    });
    // A broken client: "close" follows.
    this.#socket.on("error", () => undefined);
    let leave: (() => void) | undefined;
    try {
      const cursor = this.#cursor ?? undefined;
      leave = await feed.join(outlet.listener, cursor, () => this.#drained());
      this.#say("connected", {
        client_id: this.#client,
        reconnect_token: this.#token(),
        heartbeat_seconds: beatMs / 1000,
        topics: [...this.#topics],
      });
      await closed;
    } catch {
      this.end("error", GOING_AWAY);
    } finally {
      leave?.();
      clearInterval(beat);
    }
  }

  send(events: readonly LiveEvent[], cursor: string | null): void {
    this.#cursor = cursor ?? this.#cursor;
    for (const { type, at, ...data } of events) {
      const jobId = "task_id" in data ? data.task_id : undefined;
      this.#say(type, data, jobId, at);
    }
  }

  end(reason: Reason, code: number): void {
    this.#say("disconnect", { reason, reconnect_token: this.#token() });
    this.#socket.close(code, reason);
  }

  #wants(event: LiveEvent): boolean {
    if (this.#topics.has("pipeline:all")) return true;
    if (event.type === "task_update" || event.type === "progress") {
      if (this.#topics.has(`job:${event.task_id}`)) return true;
    }
    return event.type === "task_update" && this.#topics.has(`queue:${event.queue_name}`);
  }

  #receive(text: string): void {
    if (this.#requests.take("") > 0) {
      this.end("error", POLICY);
      return;
    }
    const parsed = socketRequest.safeParse(jsonOf(text));
    if (!parsed.success) {
      this.#say("error", { message: z.prettifyError(parsed.error) });
      return;
    }
    const asked = parsed.data;
    if (asked.type === "heartbeat_ack") this.#missed = 0;
    else if (asked.type === "ping") this.#say("pong", {});
    else if (asked.type === "subscribe") this.#subscribe(asked.topic);
    else {
      this.#topics.delete(asked.topic);
      this.#say("unsubscribed", { topic: asked.topic });
    }
  }

  #subscribe(topic: string): void {
    if (!TOPIC.test(topic) || this.#topics.size >= TOPICS_MAX) {
      const message = `topic "${topic}": expected pipeline:all, queue:<name> or job:<task id>, at most ${TOPICS_MAX}`;
      this.#say("error", { message });
      return;
    }
    this.#topics.add(topic);
    this.#say("subscribed", { topic, reconnect_token: this.#token() });
  }

  async #beat(outlet: Outlet): Promise<void> {
    if (this.#missed >= MISSED_MAX) {
      this.end("heartbeat_timeout", GOING_AWAY);
      // Who does not answer beats may not answer a close either.
      setTimeout(() => {
        this.#socket.terminate();
      }, 1_000).unref();
      return;
    }
    this.#missed += 1;
    outlet.resume();
    try {
      await this.#options.admit(this.#request);
    } catch (error) {
      if (error instanceof ApiError) {
        this.end("signed_out", POLICY);
        return;
      }
    }
    this.#say("heartbeat", { reconnect_token: this.#token() });
  }

  #token(): string {
    const place: Place = { client: this.#client, cursor: this.#cursor, topics: [...this.#topics] };
    return Buffer.from(JSON.stringify(place)).toString("base64url");
  }

  #say(type: string, data: object, jobId?: string, timestamp = new Date().toISOString()): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    const job = jobId === undefined ? {} : { job_id: jobId };
    this.#socket.send(JSON.stringify({ type, ...job, data, timestamp }));
  }

  async #drained(): Promise<void> {
    while (this.#socket.readyState === this.#socket.OPEN && this.waitingBytes > 0) {
      await new Promise((wake) => setTimeout(wake, 20));
    }
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
