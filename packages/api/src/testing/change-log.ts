/** Changes as the engine would tell them, in memory. */
import type { Change, ChangeSource } from "../live/feed.ts";

/** A log of changes: a cursor is a number of entries. */
export class ChangeLog {
  readonly changes: Change[] = [];
  opened: (string | undefined)[] = [];
  failures = 0;

  add(task: string): void {
    this.changes.push({
      taskId: `0199a000-0000-7000-8000-${task.padStart(12, "0")}`,
      queue: "a",
      taskName: "t",
      status: "completed",
      attempt: 1,
      workflowId: null,
      workerName: null,
      error: null,
      at: new Date(0),
    });
  }

  open = (cursor?: string): ChangeSource => {
    this.opened.push(cursor);
    if (cursor !== undefined && !/^\d+$/.test(cursor)) throw new RangeError("no cursor");
    let at = cursor === undefined ? this.changes.length : Number(cursor);
    return {
      read: async () => {
        if (this.failures > 0) {
          this.failures -= 1;
          throw Object.assign(new Error("away"), { code: "ECONNREFUSED" });
        }
        const changes = this.changes.slice(at, at + 3);
        at += changes.length;
        return { changes, cursor: String(at), more: at < this.changes.length };
      },
    };
  };
}
