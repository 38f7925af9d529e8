/**
 * Calls between two processes over a channel that clones values: methods by name, functions among
 * the arguments as calls back, errors as themselves.
 *
 * An error that crosses twice comes home as the very object that left: so a handler that lets the
 * engine's own errors pass, lets them pass through two processes.
 */
import { z } from "zod";

const FUNCTION_KEY = "$function";
const callSchema = z.object({
  kind: z.literal("call"),
  id: z.int(),
  /** A method's name, or the number of a function that was an argument. */
  target: z.union([z.string(), z.int()]),
  args: z.array(z.unknown()),
});
const errorSchema = z.object({
  id: z.string(),
  name: z.string(),
  message: z.string(),
  stack: z.string().optional(),
  properties: z.record(z.string(), z.unknown()),
});
const returnSchema = z.object({
  kind: z.literal("return"),
  id: z.int(),
  value: z.unknown(),
  error: errorSchema.optional(),
});
const messageSchema = z.discriminatedUnion("kind", [callSchema, returnSchema]);

type RemoteError = z.infer<typeof errorSchema>;
type Message = z.infer<typeof messageSchema>;
export type Callable = (...args: readonly unknown[]) => unknown;

export interface RemoteCallsOptions {
  /** Tells apart which side an error comes from. */
  readonly side: "parent" | "child";
  readonly send: (message: object) => void;
  /** The method that the other side may call by this name. @throws when there is none */
  readonly method: (name: string) => Callable;
}

interface Pending {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

export class RemoteCalls {
  readonly #options: RemoteCallsOptions;
  readonly #pending = new Map<number, Pending>();
  readonly #functions: Callable[] = [];
  readonly #errors = new Map<string, unknown>();
  readonly #idOfError = new WeakMap<object, string>();
  #callCount = 0;

  constructor(options: RemoteCallsOptions) {
    this.#options = options;
  }

  call(target: string | number, args: readonly unknown[]): Promise<unknown> {
    const id = ++this.#callCount;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      try {
        this.#send({ kind: "call", id, target, args: args.map((each) => this.#encode(each)) });
      } catch (error) {
        // What cannot be cloned, or a channel that is closed.
        this.#pending.delete(id);
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
  }

  /** @throws {z.ZodError} for what is no message of the other side */
  receive(raw: unknown): void {
    const message = messageSchema.parse(raw);
    if (message.kind === "call") {
      void this.#answer(message.id, message.target, message.args);
      return;
    }
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (message.error) pending?.reject(this.#decodeError(message.error));
    else pending?.resolve(this.#decode(message.value));
  }

  async #answer(id: number, target: string | number, args: readonly unknown[]): Promise<void> {
    let reply: Message;
    try {
      const work =
        typeof target === "string" ? this.#options.method(target) : this.#function(target);
      const value = await work(...args.map((each) => this.#decode(each)));
      reply = { kind: "return", id, value: this.#encode(value) };
    } catch (error) {
      reply = { kind: "return", id, value: undefined, error: this.#encodeError(error) };
    }
    this.#send(reply);
  }

  #send(message: Message): void {
    this.#options.send(message);
  }

  #function(index: number): Callable {
    const found = this.#functions[index];
    if (!found) throw new Error(`no function ${index} was passed`);
    return found;
  }

  /** Functions become references, task definitions their names, also inside of plain objects. */
  #encode(value: unknown): unknown {
    if (typeof value === "function") {
      return { [FUNCTION_KEY]: this.#functions.push(value as Callable) - 1 };
    }
    if (Array.isArray(value)) return value.map((each) => this.#encode(each));
    if (!isPlainObject(value)) return value;
    if (isTaskDefinition(value)) return value.name;
    return mapValues(value, (each) => this.#encode(each));
  }

  #decode(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((each) => this.#decode(each));
    if (!isPlainObject(value)) return value;
    const index = value[FUNCTION_KEY];
    if (typeof index === "number") return (...args: unknown[]) => this.call(index, args);
    return mapValues(value, (each) => this.#decode(each));
  }

  #encodeError(thrown: unknown): RemoteError {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    const known = this.#idOfError.get(error);
    const id = known ?? `${this.#options.side}-${this.#errors.size}`;
    if (known === undefined) {
      this.#idOfError.set(error, id);
      this.#errors.set(id, thrown);
    }
    const { name, message, stack } = error;
    return {
      id,
      name,
      message,
      ...(stack === undefined ? {} : { stack }),
      properties: plain(error),
    };
  }

  #decodeError(remote: RemoteError): unknown {
    const known = this.#errors.get(remote.id);
    if (known !== undefined) return known;
    const error = Object.assign(new Error(remote.message), remote.properties);
    Object.defineProperty(error, "name", { value: remote.name, configurable: true });
    if (remote.stack !== undefined) error.stack = remote.stack;
    this.#idOfError.set(error, remote.id);
    this.#errors.set(remote.id, error);
    return error;
  }
}

/** What an error carries besides its message: tag, fields, class, code. */
function plain(error: Error): Record<string, unknown> {
  const own: unknown[][] = Object.entries(error).filter(([name]) => name !== "name");
  try {
    return structuredClone(Object.fromEntries(own) as Record<string, unknown>);
  } catch {
    // Something that cannot cross: the words of the message must do.
    return {};
  }
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function isTaskDefinition(value: Record<string, unknown>): value is { name: string } {
  return typeof value["name"] === "string" && value["params"] instanceof z.ZodType;
}

function mapValues(
  value: Readonly<Record<string, unknown>>,
  change: (each: unknown) => unknown,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, change(each)]));
}
