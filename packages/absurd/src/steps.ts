/** What a task has kept and said, from outside of it: a client's `steps`. */
import { type Db, run } from "./db.ts";
import { pause } from "./pause.ts";
import type { Json } from "./task.ts";
import { uuidOrNotFound } from "./task-id.ts";
import { isTerminal, readTasks } from "./task-view.ts";

export interface StepView {
  /** The name; from its second call on with #2, #3, …; the engine's own begin with $. */
  readonly step: string;
  /** In which attempt it was done. */
  readonly attempt: number;
  /** Null also for a step that gave nothing. */
  readonly value: Json;
  readonly at: Date;
}

export interface LogLineView {
  /** Grows; a cursor. */
  readonly line: string;
  readonly attempt: number;
  readonly at: Date;
  readonly level: "info" | "warn" | "error";
  readonly message: string;
  readonly fields: Json;
}

const PAGE_LINES = 1_000;
const FOLLOW_POLL_MS = 500;

export class Steps {
  readonly #db: Db;
  readonly #wake: () => void;

  constructor(db: Db, wake: () => void) {
    this.#db = db;
    this.#wake = wake;
  }

  /** The checkpoints of a task in the order of writing. @throws {TaskNotFound} */
  list(taskId: string): Promise<StepView[]> {
    return run<StepView>(this.#db, "select step, attempt, value, at from absurd.list_steps($1)", [
      uuidOrNotFound(taskId),
    ]);
  }

  /**
   * Gives a failed or cancelled task a new start from a step on; what came before is replayed.
   * @param step a name, or name#2 for its second call
   */
  async rerunFrom(taskId: string, step: string): Promise<void> {
    await run(this.#db, "select absurd.rerun_from_step($1, $2)", [uuidOrNotFound(taskId), step]);
    this.#wake();
  }

  /** The log lines of a task after `after`, first to last. @throws {TaskNotFound} */
  readLog(
    taskId: string,
    page: { after?: string | undefined; limit?: number | undefined } = {},
  ): Promise<LogLineView[]> {
    return run<LogLineView>(
      this.#db,
      "select line, attempt, at, level, message, fields from absurd.read_log($1, $2, $3)",
      [uuidOrNotFound(taskId), page.after ?? "0", page.limit ?? PAGE_LINES],
    );
  }

  /** The log lines after one, and the coming ones until the task has ended. */
  async *followLog(
    taskId: string,
    options: { readonly after?: string; readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<LogLineView> {
    let { after = "0" } = options;
    while (true) {
      // Asked first: what is logged before the end is then among the lines.
      const [task] = await readTasks(this.#db, [uuidOrNotFound(taskId)]);
      const lines = await this.readLog(taskId, { after });
      yield* lines;
      after = lines.at(-1)?.line ?? after;
      if (lines.length === PAGE_LINES) continue;
      if (!task || isTerminal(task.status)) return;
      await pause(FOLLOW_POLL_MS, options.signal);
    }
  }
}
