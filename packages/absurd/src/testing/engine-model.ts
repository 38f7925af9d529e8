/** What the engine should have of each task after each call. */
export type Status = "unclaimed" | "claimed" | "completed" | "failed" | "cancelled";

export interface ModelTask {
  readonly id: string;
  readonly parent: ModelTask | undefined;
  readonly attemptsMax: number;
  status: Status;
  claimNo: number;
  attemptsUsed: number;
  isCancelAsked: boolean;
  /** Cancelled because of its parent. */
  isDragged: boolean;
  /** A recoverable failure of it is repaired by another task, REPAIRS_MAX times in a row. */
  readonly isMendable: boolean;
  repairsInARow: number;
  /** The repair it waits for. */
  awaits: ModelTask | undefined;
}

export const FRESH = {
  status: "unclaimed",
  claimNo: 0,
  attemptsUsed: 0,
  isCancelAsked: false,
  isDragged: false,
  repairsInARow: 0,
  awaits: undefined,
} as const;

/** The tasks, and what the end or the new start of one means for others. */
export class EngineModel {
  readonly tasks: ModelTask[] = [];

  /** Of a task that ended: what waited for it as for a repair goes on, or is dead. */
  endRepair(repair: ModelTask): void {
    if (repair.status === "unclaimed") return;
    for (const mended of this.tasks) {
      if (mended.awaits !== repair) continue;
      mended.awaits = undefined;
      if (repair.status === "completed" || mended.status !== "unclaimed") continue;
      mended.status = "failed";
      this.drag(mended);
    }
  }

  drag(parent: ModelTask): void {
    for (const child of this.tasks) {
      if (child.parent !== parent || child.status !== "unclaimed") continue;
      Object.assign(child, { status: "cancelled", isDragged: true });
      this.drag(child);
    }
  }

  revive(target: ModelTask): void {
    const fresh = { attemptsUsed: 0, isDragged: false, repairsInARow: 0 };
    Object.assign(target, { status: "unclaimed", ...fresh });
    for (const child of this.tasks) {
      if (child.parent === target && child.isDragged) this.revive(child);
    }
  }
}
