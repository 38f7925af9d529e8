/** Limits that tasks share, and events that they wait for: see the contract's limit.ts. */
import type { AbsurdClient, LimitKind, LimitUser, LimitView } from "@contimg/absurd";
import type { Limit, LIMIT_ROUTES } from "@contimg/contract";

import type { HandlersOf } from "../handler.ts";
import { ApiError } from "../problem.ts";
import { wireInstant } from "./wire-values.ts";

export function limitHandlers({
  client,
}: {
  readonly client: AbsurdClient;
}): HandlersOf<typeof LIMIT_ROUTES> {
  const find = async (kind: LimitKind, name: string): Promise<LimitView> => {
    const limits = await client.limits.list();
    const found = limits.find((each) => each.kind === kind && each.name === name);
    if (!found) {
      throw new ApiError("NOT_FOUND", `no ${kind} "${name}"; GET /absurd/limits lists them`);
    }
    return found;
  };
  return {
    async listLimits() {
      return { limits: (await client.limits.list()).map(wireLimit) };
    },
    async getLimit({ params: { kind, name } }) {
      await find(kind, name);
      const { holders, waiters } = await client.limits.show(name, kind);
      return { holders: holders.map(wireUser), waiters: waiters.map(wireUser) };
    },
    async setLimit({ params: { kind, name }, body }) {
      assertLimitNumbers(kind, body.period_seconds);
      await client.limits.set(name, body.limit, body.period_seconds);
      return wireLimit(await find(kind, name));
    },
    async removeLimit({ params: { kind, name } }) {
      const { inUse, waiting } = await find(kind, name);
      // Of a rate, in use are the starts of the period: they hold nothing.
      if (waiting > 0 || (kind !== "rate" && inUse > 0)) {
        throw new ApiError(
          "CONFLICT",
          `${kind} "${name}" has ${inUse} tasks in and ${waiting} waiting; ` +
            "wait until they have ended, or cancel them",
        );
      }
      await client.limits.remove(name, kind);
      return undefined;
    },
    async getEvent({ params: { event_name: name } }) {
      const [event, waiters] = await Promise.all([
        client.events.get(name),
        client.events.waiters(name),
      ]);
      return {
        event_name: name,
        emitted_at: wireInstant(event?.emittedAt ?? null),
        payload: event?.payload ?? null,
        task_id: event?.taskId ?? null,
        waiters,
      };
    },
    async emitEvent({ params: { event_name: name }, body: { payload } }) {
      return { first: await client.events.emit(name, payload) };
    },
  };
}

function assertLimitNumbers(kind: LimitKind, periodSeconds: number | undefined): void {
  if (kind === "lock") {
    throw new ApiError("INVALID_PARAMS", "a lock has no number: it lets one writer in at a time", {
      faults: [{ field: "params.kind", message: "expected key or rate" }],
    });
  }
  if ((kind === "rate") !== (periodSeconds !== undefined)) {
    const message = kind === "rate" ? "expected seconds above 0" : "expected none: a key has none";
    throw new ApiError("INVALID_PARAMS", `body.period_seconds: ${message}`, {
      faults: [{ field: "body.period_seconds", message }],
    });
  }
}

export function wireLimit(view: LimitView): Limit {
  return {
    kind: view.kind,
    name: view.name,
    limit: view.limit,
    period_seconds: view.periodSeconds,
    is_pinned: view.isPinned,
    in_use: view.inUse,
    waiting: view.waiting,
    set_at: wireInstant(view.setAt),
  };
}

function wireUser(user: LimitUser): {
  task_id: string;
  task_name: string;
  mode: "shared" | "exclusive";
  worker_id: string | null;
  claimed_at: string | null;
} {
  return {
    task_id: user.taskId,
    task_name: user.taskName,
    mode: user.mode,
    worker_id: user.workerName,
    claimed_at: wireInstant(user.claimedAt),
  };
}
