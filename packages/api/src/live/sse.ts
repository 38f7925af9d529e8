/**
 * GET /absurd/live: Server-Sent Events.
 *
 * The id of an event is the cursor after its batch and stands at the batch's last event: who comes
 * back with it is told the whole batch again rather than miss a part.
 */
import type { ServerResponse } from "node:http";

import { type LiveEvent, LIVE_ROUTES } from "@contimg/contract";
import type { FastifyInstance, FastifyRequest } from "fastify";

import { assertRole } from "../hooks/gate.ts";
import { ApiError, parse } from "../problem.ts";
import { pathOf } from "../serve-routes.ts";
import type { LiveFeed } from "./feed.ts";
import { interestedIn, Outlet, type Pipe } from "./outlet.ts";

export interface LiveOptions {
  readonly feed: LiveFeed;
  /** Who calls, asked again now and then: a token may be revoked meanwhile. */
  readonly callerOf: (request: FastifyRequest) => Promise<FastifyRequest["caller"]>;
  readonly streamsMax?: number;
  readonly beatMs?: number;
}

type Reason = "server_shutdown" | "signed_out" | "timeout";

const STREAMS_MAX = 500;
const BEAT_MS = 15_000;
const RECONNECT_MS = 2_000;
/** Beats after which a client that reads nothing is cut off. */
const SKIPPED_BEATS_MAX = 8;

/** Ends all streams with a reason when the app closes. */
export function serveEvents(app: FastifyInstance, options: LiveOptions): void {
  const { listen } = LIVE_ROUTES;
  const open = new Set<EventStream>();
  app.route({
    method: listen.method,
    url: pathOf(listen),
    config: { routeName: "listen" },
    handler: async (request, reply) => {
      const query = parse(listen.query, request.query, "query");
      if (open.size >= (options.streamsMax ?? STREAMS_MAX)) {
        throw new ApiError("RATE_LIMITED", "too many streams are open on this server", {
          retryAfterSeconds: 10,
        });
      }
      const given = request.headers["last-event-id"] ?? query.last_event_id;
      reply.hijack();
      reply.raw.writeHead(200, {
        ...(reply.getHeaders() as Record<string, string>),
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-store",
        // The connection ends with the stream: a server that closes need not wait for it.
        connection: "close",
        // nginx would collect events otherwise.
        "x-accel-buffering": "no",
      });
      const stream = new EventStream(reply.raw, request, options);
      open.add(stream);
      reply.raw.once("close", () => open.delete(stream));
      await stream.run(typeof given === "string" ? given : undefined, {
        queueName: query.queue_name,
        taskId: query.task_id,
        workflowId: query.workflow_id,
      });
    },
  });
  app.addHook("preClose", async () => {
    for (const stream of open) stream.end("server_shutdown");
  });
}

class EventStream implements Pipe {
  readonly #raw: ServerResponse;
  readonly #request: FastifyRequest;
  readonly #options: LiveOptions;
  #skippedBeats = 0;

  constructor(raw: ServerResponse, request: FastifyRequest, options: LiveOptions) {
    this.#raw = raw;
    this.#request = request;
    this.#options = options;
    raw.write(`retry: ${RECONNECT_MS}\n\n`);
  }

  get waitingBytes(): number {
    return this.#raw.writableLength;
  }

  async run(cursor: string | undefined, interest: Parameters<typeof interestedIn>[0]) {
    const { feed, beatMs = BEAT_MS } = this.#options;
    const outlet = new Outlet(this, interestedIn(interest));
    const beat = setInterval(() => void this.#beat(outlet), beatMs);
    this.#raw.on("drain", () => outlet.resume());
    const closed = new Promise<void>((resolve) => this.#raw.once("close", resolve));
    let leave: (() => void) | undefined;
    try {
      leave = await feed.join(outlet.listener, cursor, () => this.#drained(closed));
      await closed;
    } catch (error) {
      this.#request.log.warn({ err: error }, "a stream of events ends");
      this.#raw.end();
    } finally {
      leave?.();
      clearInterval(beat);
    }
  }

  send(events: readonly LiveEvent[], cursor: string | null): void {
    const last = events.length - 1;
    const id = cursor === null ? "" : `id: ${cursor}\n`;
    const lines = events.map(
      (event, index) => `${index === last ? id : ""}data: ${JSON.stringify(event)}\n\n`,
    );
    // An id alone moves the client's cursor, too.
    if (events.length === 0 && id !== "") lines.push(`${id}\n`);
    this.#write(lines.join(""));
  }

  end(reason: Reason): void {
    this.#write(`event: disconnect\ndata: ${JSON.stringify({ reason })}\n\n`);
    this.#raw.end();
  }

  async #beat(outlet: Outlet): Promise<void> {
    this.#skippedBeats = outlet.isSkipping ? this.#skippedBeats + 1 : 0;
    if (this.#skippedBeats > SKIPPED_BEATS_MAX) {
      this.#raw.destroy();
      return;
    }
    try {
      const caller = await this.#options.callerOf(this.#request);
      assertRole(LIVE_ROUTES.listen, caller);
    } catch (error) {
      // A database that is away ends no stream: it goes on when that is back.
      if (error instanceof ApiError) {
        this.end("signed_out");
        return;
      }
    }
    if (!outlet.isSkipping) this.#write(": beat\n\n");
  }

  async #drained(closed: Promise<void>): Promise<void> {
    if (!this.#raw.writableNeedDrain) return;
    const drain = new Promise<void>((resolve) => this.#raw.once("drain", resolve));
    await Promise.race([drain, closed]);
  }

  #write(text: string): void {
    if (this.#raw.writable && text !== "") this.#raw.write(text);
  }
}
