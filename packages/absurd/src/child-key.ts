/**
 * The idempotency key of a task that a handler spawns: the same spawn of a replayed handler gives
 * the task that is there already.
 *
 * It is made of what is spawned, of where (the step, or outside of any) and of how often the same
 * was spawned there before. So neither the order of spawns that run side by side matters, nor do
 * steps that are not run again.
 */
import { hash } from "node:crypto";

import { currentStep } from "./durable.ts";
import { taskNameOf } from "./spawn.ts";
import type { SpawnRequest } from "./task.ts";

export class ChildKeys {
  readonly #parentNumber: string;
  readonly #counts = new Map<string, number>();

  constructor(parentNumber: string) {
    this.#parentNumber = parentNumber;
  }

  keyOf(request: SpawnRequest): string {
    // When it shall run is not what it is, and often computed from the time of day.
    const what = { ...request, task: taskNameOf(request.task) };
    delete what.delaySeconds;
    delete what.availableAt;
    const content = hash("sha1", JSON.stringify(what), "base64url");
    const place = `${this.#parentNumber}/${currentStep()?.label ?? ""}/${content}`;
    const count = (this.#counts.get(place) ?? 0) + 1;
    this.#counts.set(place, count);
    return `${place}/${count}`;
  }
}
