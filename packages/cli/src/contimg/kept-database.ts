/**
 * The PostgreSQL of `demo` and `up`. One that ends by itself is started again on its folder and
 * port, so that whoever lost it finds it where it was.
 */
import { setTimeout as sleep } from "node:timers/promises";

import { type EmbeddedPostgres, startEmbeddedPostgres } from "@contimg/absurd";

/** How soon a death is seen. */
const LOOK_MS = 250;
const PAUSE_MS_MIN = 250;
const PAUSE_MS_MAX = 30_000;

export class KeptDatabase {
  readonly #dataFolder: string;
  readonly #stopping = new AbortController();
  #server: EmbeddedPostgres;
  readonly #course: Promise<void>;

  private constructor(
    server: EmbeddedPostgres,
    dataFolder: string,
    onEnd: ((line: string) => void) | undefined,
  ) {
    this.#server = server;
    this.#dataFolder = dataFolder;
    this.#course = onEnd ? this.#keep(onEnd) : Promise.resolve();
  }

  /** @param onEnd told of a server that ended by itself; absent: it stays away */
  static async start(dataFolder: string, onEnd?: (line: string) => void): Promise<KeptDatabase> {
    return new KeptDatabase(await startEmbeddedPostgres({ dataFolder }), dataFolder, onEnd);
  }

  /** The same for as long as this lives. */
  get url(): string {
    return this.#server.url;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#course;
    await this.#server.stop();
  }

  #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  async #keep(onEnd: (line: string) => void): Promise<void> {
    const { signal } = this.#stopping;
    const port = Number(new URL(this.url).port);
    let pauseMs = PAUSE_MS_MIN;
    while (!this.#isStopping()) {
      await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
      if (this.#isStopping() || this.#server.isRunning()) continue;
      onEnd(`PostgreSQL (process ${this.#server.pid}) ended by itself; it is started again`);
      try {
        this.#server = await startEmbeddedPostgres({ dataFolder: this.#dataFolder, port });
        pauseMs = PAUSE_MS_MIN;
        onEnd(`PostgreSQL is back as process ${this.#server.pid}`);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        onEnd(`PostgreSQL cannot be started, tried again in ${pauseMs / 1000} s: ${why}`);
        await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
        pauseMs = Math.min(PAUSE_MS_MAX, 2 * pauseMs);
      }
    }
  }
}
