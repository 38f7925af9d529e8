/**
 * A network between a client and a server that can be made to fail: cut, silent, slow.
 *
 * Real sockets on loopback. What the server never hears of is not told to it by the proxy either:
 * a silent network leaves both ends open, as a pulled cable does.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

export class TcpProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #sockets = new Set<Socket>();
  /** What is on its way, in the order in which it was sent: nothing overtakes. */
  readonly #line: { readonly dueMs: number; readonly send: () => void }[] = [];
  #mode: "through" | "cut" | "silent" = "through";
  #delayMs = 0;
  #timer: NodeJS.Timeout | undefined;

  private constructor(server: Server, target: { host: string; port: number }) {
    this.#server = server;
    this.#target = target;
    this.port = (server.address() as AddressInfo).port;
    server.on("connection", (socket) => {
      this.#accept(socket);
    });
  }

  /** @param url of the server; its host and port are where the proxy leads */
  static async start(url: string): Promise<TcpProxy> {
    const { hostname, port } = new URL(url);
    const server = createServer({ pauseOnConnect: true });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new TcpProxy(server, { host: hostname, port: Number(port) });
  }

  /** The same URL through the proxy. */
  url(serverUrl: string): string {
    const url = new URL(serverUrl);
    url.host = `127.0.0.1:${this.port}`;
    return url.toString();
  }

  /** Resets every connection and refuses new ones, until `restore`. */
  cut(): void {
    this.#mode = "cut";
    this.#resetAll();
  }

  /** Half-open: connections stay, new ones are accepted, and nothing comes through any more. */
  silence(): void {
    this.#mode = "silent";
  }

  /** Each packet takes this much longer, in each direction. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  /** Mends the network. What was held in silence arrives now. */
  restore(): void {
    this.#mode = "through";
    this.#delayMs = 0;
    this.#deliver(Infinity);
  }

  async close(): Promise<void> {
    this.#resetAll();
    this.#server.close();
    await once(this.#server, "close");
  }

  #accept(socket: Socket): void {
    if (this.#mode === "cut") {
      socket.resetAndDestroy();
      return;
    }
    const upstream = connect(this.#target);
    for (const [from, to] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      this.#sockets.add(from);
      from.setNoDelay(true);
      from.on("data", (chunk) => {
        this.#pass(() => to.write(chunk));
      });
      from.on("end", () => {
        this.#pass(() => to.end());
      });
      // "close" follows, and takes the other end along unless the network hides it.
      from.on("error", () => undefined);
      from.on("close", () => {
        this.#sockets.delete(from);
        this.#pass(() => to.destroy());
      });
    }
    socket.resume();
  }

  #pass(send: () => void): void {
    this.#line.push({ dueMs: performance.now() + this.#delayMs, send });
    this.#deliver(performance.now());
  }

  #deliver(untilMs: number): void {
    clearTimeout(this.#timer);
    if (this.#mode === "silent") return;
    while (this.#line[0] && this.#line[0].dueMs <= untilMs) this.#line.shift()!.send();
    const [next] = this.#line;
    if (!next) return;
    this.#timer = setTimeout(
      () => {
        this.#deliver(next.dueMs);
      },
      Math.max(0, next.dueMs - performance.now()),
    );
  }

  #resetAll(): void {
    clearTimeout(this.#timer);
    this.#line.length = 0;
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }
}
