/** A child process of one engine, seen from the bench: calls with answers, counts, memory. */
import { type ChildProcess, fork } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { Call, ChildApi, Message, SentError } from "./child-api.ts";
import { type EngineName, NotAvailable } from "./engine.ts";

const CHILD = join(import.meta.dirname, "child.ts");
const CLOSE_MS_MAX = 6_000;

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

export class EngineProcess {
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, Pending>();
  readonly #failed = Promise.withResolvers<never>();
  readonly #exited: Promise<void>;
  #lastId = 0;
  #isClosing = false;
  #onCount: () => void = () => undefined;
  /** Tasks started so far. */
  count = 0;

  /** @param profileFolder where the process leaves its CPU profile; default: no profile */
  constructor(engine: EngineName, url: string, profileFolder?: string) {
    this.#child = fork(CHILD, [engine, url], {
      execArgv:
        profileFolder === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profileFolder}`],
      env: { ...process.env, NODE_ENV: "production", NO_LOG_SUCCESS: "1" },
      stdio: ["ignore", 2, 2, "ipc"],
    });
    this.#failed.promise.catch(() => undefined);
    this.#exited = new Promise((resolve) => {
      this.#child.once("exit", (code, signal) => {
        if (!this.#isClosing) {
          this.#fail(new Error(`the process of ${engine} ended (${signal ?? code ?? "?"})`));
        }
        resolve();
      });
    });
    this.#child.on("message", (message: Message) => {
      this.#onMessage(message);
    });
  }

  /** Starts a process and waits until it listens. */
  static async start(engine: EngineName, url: string, profileFolder?: string) {
    const started = new EngineProcess(engine, url, profileFolder);
    await started.#answerTo(0);
    return started;
  }

  async call<Method extends keyof ChildApi>(
    method: Method,
    ...args: Parameters<ChildApi[Method]>
  ): Promise<Awaited<ReturnType<ChildApi[Method]>>> {
    const id = ++this.#lastId;
    const answer = this.#answerTo(id);
    this.#child.send({ id, method, args } satisfies Call);
    return (await answer) as Awaited<ReturnType<ChildApi[Method]>>;
  }

  /** Rejects when the process fails; never resolves. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  onCount(listener: () => void): void {
    this.#onCount = listener;
  }

  get residentBytes(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, "utf8");
    return 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
  }

  /** Lets the engine stop in its own way; kills it when that takes too long. */
  async close(): Promise<void> {
    if (this.#isClosing || !this.#child.connected) return this.#exited;
    this.#isClosing = true;
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), CLOSE_MS_MAX);
    const gone = this.#exited.then(() => undefined);
    await Promise.race([this.call("close").catch(() => undefined), gone]);
    // Without its channel the child exits, and leaves its profile.
    this.#disconnect();
    await gone;
    clearTimeout(timer);
  }

  #disconnect(): void {
    if (this.#child.connected) this.#child.disconnect();
  }

  async #answerTo(id: number): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#pending.set(id, { resolve, reject });
    return promise;
  }

  #onMessage(message: Message): void {
    switch (message.kind) {
      case "ready":
        this.#settle(0, (pending) => {
          pending.resolve(undefined);
        });
        break;
      case "count":
        this.count = message.count;
        this.#onCount();
        break;
      case "answer":
        this.#settle(message.id, (pending) => {
          pending.resolve(message.value);
        });
        break;
      case "refusal":
        this.#settle(message.id, (pending) => {
          pending.reject(errorOf(message.error));
        });
        break;
      case "fatal":
        this.#fail(errorOf(message.error));
    }
  }

  #settle(id: number, how: (pending: Pending) => void): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (pending) how(pending);
  }

  #fail(error: Error): void {
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#pending.clear();
    this.#failed.reject(error);
  }
}

function errorOf({ name, message }: SentError): Error {
  return name === "NotAvailable" ? new NotAvailable(message) : new Error(message);
}
