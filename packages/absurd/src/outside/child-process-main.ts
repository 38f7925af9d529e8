/**
 * The child's side of child-process.ts: loads the module, calls its function with a context whose
 * methods are calls to the worker, answers with what it returned, and ends.
 */
import { LeaseLost, ShuttingDown, TaskCancelled, TimedOut } from "../errors.ts";
import { type Callable, RemoteCalls } from "./remote-calls.ts";

export interface ContextFacts {
  readonly taskId: string;
  readonly taskName: string;
  readonly attempt: number;
  readonly fence: string;
}

type Handler = (params: unknown, context: object) => unknown;

const ABORT_REASONS = { LeaseLost, ShuttingDown, TaskCancelled, TimedOut } as const;
const abort = new AbortController();

const METHODS: Readonly<Record<string, Callable>> = {
  start: async (module, name, params, facts) => {
    const handler = await loadHandler(String(module), String(name));
    return handler(params, createContext(facts as ContextFacts));
  },
  abort: (name, message) => {
    abort.abort(abortReason(String(name), String(message)));
  },
};

const calls = new RemoteCalls({
  side: "child",
  send: (message) => {
    process.send?.(message);
  },
  method: (name) => {
    const found = METHODS[name];
    if (!found) throw new TypeError(`no method "${name}"`);
    return found;
  },
});

process.on("message", (message) => {
  calls.receive(message);
});
// The worker hangs up once it has the answer: a forgotten timer must not keep the process.
process.on("disconnect", () => process.exit(0));
process.on("SIGTERM", () => {
  abort.abort(new ShuttingDown("stopped by SIGTERM"));
});

async function loadHandler(module: string, name: string): Promise<Handler> {
  const exported = (await import(module)) as Readonly<Record<string, unknown>>;
  const value = exported[name];
  if (typeof value === "function") return value as Handler;
  if (typeof value === "object" && value !== null && "handler" in value) {
    if (typeof value.handler === "function") return value.handler as Handler;
  }
  throw new TypeError(`${module} exports no function and no task with a handler as "${name}"`);
}

/** Facts are here, isLeaseFresh and every other method are asked for: new ones need no change. */
function createContext(facts: ContextFacts): object {
  const own: Readonly<Record<string, unknown>> = {
    ...facts,
    signal: abort.signal,
    log: createLog(),
    progress: (...args: unknown[]) => {
      // As in the worker: nobody waits for it.
      calls.call("progress", args).catch(() => undefined);
    },
    // Advice only: false as soon as the abort has said so. The fence is what holds.
    isLeaseFresh: () => !(abort.signal.reason instanceof LeaseLost),
    completeIn: (client: object, result: unknown) =>
      calls.call("completeIn", [remoteClient(client), result]),
    assertFence: (client: object) => calls.call("assertFence", [remoteClient(client)]),
  };
  return new Proxy(own, {
    get(target, name) {
      if (typeof name !== "string" || name in target || name === "then") {
        return Reflect.get(target, name) as unknown;
      }
      return (...args: unknown[]) => calls.call(name, args);
    },
  });
}

/** A database client of this process, of which the worker may use `query`. */
function remoteClient(client: object): object {
  const query: unknown = Reflect.get(client, "query");
  if (typeof query !== "function") throw new TypeError("expected a client of pg");
  return {
    query: async (text: unknown, values: unknown) => {
      const reply = (await Reflect.apply(query, client, [text, values])) as {
        rows: unknown[];
        rowCount: number | null;
      };
      return { rows: reply.rows, rowCount: reply.rowCount };
    },
  };
}

function createLog(): object {
  const level =
    (name: string) =>
    (...args: unknown[]): void => {
      calls.call(`log.${name}`, args).catch(() => undefined);
    };
  return { debug: level("debug"), info: level("info"), warn: level("warn"), error: level("error") };
}

function abortReason(name: string, message: string): Error {
  const Reason = Object.entries(ABORT_REASONS).find(([known]) => known === name)?.[1] ?? Error;
  return new Reason(message);
}
