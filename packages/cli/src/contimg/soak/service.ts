/** A process that must run, as a service manager keeps it: when it ends, it is started again. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, type WriteStream } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const CONTIMG = fileURLToPath(new URL("../../contimg.ts", import.meta.url));
const RESTART_MS = 200;
const READY = /"message":"ready","worker":"([^"]+)"/;

export interface ServiceOptions {
  readonly name: string;
  /** Of `contimg`. */
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly logPath: string;
}

export class Service {
  readonly name: string;
  readonly #options: ServiceOptions;
  readonly #log: WriteStream;
  #child: ChildProcess | undefined;
  #workerName: string | undefined;
  #isStopping = false;
  #loop: Promise<void> | undefined;

  constructor(options: ServiceOptions) {
    this.name = options.name;
    this.#options = options;
    this.#log = createWriteStream(options.logPath, { flags: "a" });
  }

  start(): void {
    this.#loop ??= this.#keepRunning();
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** What the database calls it, when it is a worker that is ready. */
  get workerName(): string | undefined {
    return this.#workerName;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** It is started again. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  /** For good. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    // One that was stopped by a signal would not hear the other.
    for (const signal of ["SIGCONT", "SIGTERM", "SIGTERM"] as const) this.signal(signal);
    await this.#loop;
    this.#log.end();
  }

  async #keepRunning(): Promise<void> {
    while (true) {
      const child = spawn(process.execPath, [CONTIMG, ...this.#options.argv], {
        env: this.#options.env,
        stdio: ["ignore", "pipe", "pipe"],
        // Ctrl-C is for the soak, which stops its processes itself.
        detached: true,
      });
      this.#child = child;
      child.stdout.pipe(this.#log, { end: false });
      child.stderr.pipe(this.#log, { end: false });
      child.stderr.on("data", (chunk: Buffer) => {
        this.#workerName = READY.exec(chunk.toString())?.[1] ?? this.#workerName;
      });
      await once(child, "exit");
      this.#workerName = undefined;
      if (this.#isStopping) return;
      await pause(RESTART_MS);
    }
  }
}
