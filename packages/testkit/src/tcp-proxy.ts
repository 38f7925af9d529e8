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
  readonly #held: (() => void)[] = [];
  #mode: "through" | "cut" | "silent" = "through";
  #delayMs = 0;

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
    for (const send of this.#held.splice(0)) send();
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
    if (this.#mode === "silent") this.#held.push(send);
    else if (this.#delayMs > 0) setTimeout(send, this.#delayMs);
    else send();
  }

  #resetAll(): void {
    this.#held.length = 0;
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }
}
