/**
 * A way to PostgreSQL on which one chosen statement goes wrong: it is not sent, or it is done and
 * the answer is lost. Either way its connection is gone then.
 *
 * Reads the wire protocol's message borders: a statement is a Query or what a Sync ends.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

export type When = "before it is sent" | "after its commit";

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
  #failAt = 0;
  #when: When = "before it is sent";
  #count = 0;
  /** The statement that went wrong; undefined when none has since `arm`. */
  failed: string | undefined;

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

  /** Begins to count: the n-th statement from now goes wrong. */
  arm(n: number, when: When): void {
    this.#count = 0;
    this.#failAt = n;
    this.#when = when;
    this.failed = undefined;
  }

  /** Statements since `arm`. */
  get count(): number {
    return this.#count;
  }

  disarm(): void {
    this.#failAt = 0;
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
        if (type === "P" || type === "Q") text = bytes.toString("utf8", 5);
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
      if (!isLosingAnswer) {
        client.write(chunk);
        answered.add(chunk);
      } else if (answered.add(chunk).some(({ type }) => type === "Z")) cut();
    });
  }

  #judge(text: string): When | undefined {
    this.#count += 1;
    if (this.#count !== this.#failAt) return undefined;
    this.failed = text.replaceAll(/\0/g, " ").trim().slice(0, 80);
    return this.#when;
  }
}
