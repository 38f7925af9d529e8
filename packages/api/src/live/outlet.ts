/**
 * Between the feed and one client: which events it asked for, and what becomes of them when it does
 * not read. It is told of a gap then, once it reads again; the feed never waits for it.
 */
import type { LiveEvent } from "@contimg/contract";

import { type Batch, gapNow } from "./feed.ts";

export interface Pipe {
  /** Bytes that are written and not yet taken. */
  readonly waitingBytes: number;
  send(events: readonly LiveEvent[], cursor: string | null): void;
}

const WAITING_BYTES_MAX = 1024 * 1024;
const RESUME_BYTES = 64 * 1024;

export class Outlet {
  readonly #pipe: Pipe;
  readonly #wants: (event: LiveEvent) => boolean;
  #isSkipping = false;
  #cursor: string | null = null;

  constructor(pipe: Pipe, wants: (event: LiveEvent) => boolean) {
    this.#pipe = pipe;
    this.#wants = wants;
  }

  get isSkipping(): boolean {
    return this.#isSkipping;
  }

  /** As the feed takes it. */
  readonly listener = (batch: Batch): void => {
    this.take(batch);
  };

  take(batch: Batch): void {
    this.#cursor = batch.cursor ?? this.#cursor;
    this.#isSkipping ||= this.#pipe.waitingBytes > WAITING_BYTES_MAX;
    if (this.#isSkipping && !this.resume()) return;
    const events = batch.events.filter((event) => event.type === "gap" || this.#wants(event));
    if (events.length > 0 || batch.cursor !== null) this.#pipe.send(events, batch.cursor);
  }

  /** Ends the skipping when the client has read. Also called from outside: nothing may come. */
  resume(): boolean {
    if (!this.#isSkipping) return true;
    if (this.#pipe.waitingBytes > RESUME_BYTES) return false;
    this.#isSkipping = false;
    this.#pipe.send([gapNow()], this.#cursor);
    return true;
  }
}

export interface Interest {
  readonly queueName?: string | undefined;
  readonly taskId?: string | undefined;
  readonly workflowId?: string | undefined;
}

/** Of the changes of tasks, those of a queue, a task or a workflow; of the rest, all. */
export function interestedIn(interest: Interest): (event: LiveEvent) => boolean {
  const { queueName, taskId, workflowId } = interest;
  return (event) => {
    if (event.type === "progress") return taskId === undefined || event.task_id === taskId;
    if (event.type !== "task_update") return true;
    return (
      (queueName === undefined || event.queue_name === queueName) &&
      (taskId === undefined || event.task_id === taskId) &&
      (workflowId === undefined || event.workflow_id === workflowId)
    );
  };
}
