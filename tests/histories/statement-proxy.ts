/**
 * A way to PostgreSQL on which chosen statements go wrong: one is not sent, or it is done and the
 * answer is lost. Either way its connection is gone then.
 *
 * Reads the wire protocol's message borders: a statement is a Query or what a Sync ends. They are
 * chosen by name, because how many of others come before differs from run to run.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

export type When = "before it is sent" | "after its commit";

/** The first statement of a verb, the second, and so on. */
export interface Target {
  readonly verb: string;
  readonly occurrence: number;
}

/** The engine's function that a statement calls, or its first words: "commit". */
export function verbOf(text: string): string {
  const called = /\babsurd\.(\w+)\(/.exec(text)?.[1];
  // A spawn may carry a wake-up; by itself that is a verb, too.
  if (called === undefined && text.includes("pg_notify(")) return "pg_notify";
  return called ?? /^\s*(\w+(?:\s+[\w."]+)?)/.exec(text)?.[1] ?? text;
}

/** Splits a stream of protocol messages; what follows an incomplete one waits for the rest. */
class Messages {
  #rest: Buffer = Buffer.alloc(0);
  #isStartup: boolean;

  constructor(isStartup: boolean) {
    this.#isStartup = isStartup;
  }

  /** The complete messages: type (empty for the startup), all bytes. */
  add(chunk: Buffer): { type: string; bytes: Buffer }[] {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const found: { type: string; bytes: Buffer }[] = [];
    while (true) {
      const typeBytes = this.#isStartup ? 0 : 1;
      if (this.#rest.length < typeBytes + 4) return found;
      const size = typeBytes + this.#rest.readInt32BE(typeBytes);
      if (this.#rest.length < size) return found;
      const bytes = this.#rest.subarray(0, size);
      found.push({ type: this.#isStartup ? "" : String.fromCharCode(bytes[0]!), bytes });
      this.#rest = this.#rest.subarray(size);
      this.#isStartup = false;
    }
  }
}

export class StatementProxy {
  readonly #server: Server;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #sockets = new Set<Socket>();
  /** What goes wrong. */
  targets: readonly Target[] = [];
  #when: When = "before it is sent";
  /** How many statements of each verb there were since `arm`. */
  counts = new Map<string, number>();
  /** The targets that went wrong since `arm`. */
  hit: Target[] = [];

  private constructor(server: Server, target: { host: string; port: number }) {
    this.#server = server;
    this.#target = target;
    server.on("connection", (socket) => {
      this.#accept(socket);
    });
  }

  static async start(url: string): Promise<StatementProxy> {
    const { hostname, port } = new URL(url);
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new StatementProxy(server, { host: hostname, port: Number(port) });
  }

  url(serverUrl: string): string {
    const url = new URL(serverUrl);
    url.host = `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return url.toString();
  }

  /** Begins to count: these statements from now go wrong. */
  arm(targets: readonly Target[], when: When): void {
    this.counts = new Map();
    this.hit = [];
    this.targets = targets;
    this.#when = when;
  }

  disarm(): void {
    this.targets = [];
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #accept(client: Socket): void {
    const server = connect(this.#target);
    const asked = new Messages(true);
    const answered = new Messages(false);
    const prepared = new Map<string, string>();
    let text = "";
    let isLosingAnswer = false;
    const cut = (): void => {
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        this.#sockets.delete(socket);
        cut();
      });
    }
    client.on("data", (chunk) => {
      const sent: Buffer[] = [];
      for (const { type, bytes } of asked.add(chunk)) {
        const [first, second] = "PQB".includes(type) ? strings(bytes) : ["", ""];
        if (type === "Q") text = first;
        if (type === "P") prepared.set(first, second);
        // What was prepared earlier comes by its name alone.
        if (type === "B") text = prepared.get(second) ?? "";
        if (type === "Q" || type === "S") {
          const fate = this.#judge(text);
          if (fate === "before it is sent") {
            cut();
            return;
          }
          isLosingAnswer ||= fate === "after its commit";
        }
        sent.push(bytes);
      }
      server.write(Buffer.concat(sent));
    });
    server.on("data", (chunk) => {
      const answers = answered.add(chunk);
      if (!isLosingAnswer) client.write(chunk);
      for (const { type, bytes } of isLosingAnswer ? answers : []) {
        // "Send the rows" is no answer yet to a copy.
        if (type === "G") client.write(bytes);
        else if (type === "Z") cut();
      }
    });
  }

  #judge(text: string): When | undefined {
    const verb = verbOf(text);
    const occurrence = (this.counts.get(verb) ?? 0) + 1;
    this.counts.set(verb, occurrence);
    const target = this.targets.find((it) => it.verb === verb && it.occurrence === occurrence);
    if (!target) return undefined;
    this.hit.push(target);
    return this.#when;
  }
}

/** The first two of the texts with which a Query, a Parse or a Bind begins. */
function strings(bytes: Buffer): [string, string] {
  const firstEnd = bytes.indexOf(0, 5);
  const secondEnd = bytes.indexOf(0, firstEnd + 1);
  return [bytes.toString("utf8", 5, firstEnd), bytes.toString("utf8", firstEnd + 1, secondEnd)];
}
