/** What a process prints besides messages: to the task's log, bounded; a tail for its error. */
import type { Logger } from "../task.ts";
import type { Line } from "./bounded-lines.ts";

const TAIL_LINES = 20;
const LINE_CHARACTERS = 2_000;
/** Of one attempt. Who prints more than this has files to write to. */
const LOG_CHARACTERS_MAX = 1_048_576;
/** By which programs say that an allocation failed. */
const OUT_OF_MEMORY = /out of memory|MemoryError|bad_alloc|cannot allocate memory/i;

export class TaskOutput {
  readonly #log: Logger;
  readonly #fields: object;
  readonly #tail: string[] = [];
  #loggedCharacters = 0;
  /** A line has said so. */
  saysOutOfMemory = false;

  constructor(log: Logger, fields: object) {
    this.#log = log;
    this.#fields = fields;
  }

  /** The last lines, for an error's fields. */
  get tail(): readonly string[] {
    return [...this.#tail];
  }

  add(stream: "stdout" | "stderr", { text, isCut }: Line): void {
    const isLong = isCut || text.length > LINE_CHARACTERS;
    const line = isLong ? `${text.slice(0, LINE_CHARACTERS)} [cut]` : text;
    this.saysOutOfMemory ||= OUT_OF_MEMORY.test(line);
    this.#tail.push(line);
    if (this.#tail.length > TAIL_LINES) this.#tail.shift();
    if (this.#loggedCharacters > LOG_CHARACTERS_MAX) return;
    this.#loggedCharacters += line.length + 1;
    if (this.#loggedCharacters > LOG_CHARACTERS_MAX) {
      this.#log.warn(this.#fields, "prints more than 1 MiB; the rest is not logged");
    } else {
      this.#log.info({ ...this.#fields, stream }, line);
    }
  }
}
