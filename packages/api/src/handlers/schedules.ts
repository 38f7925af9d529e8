/** Schedules: see the contract's schedule.ts. */
import {
  type AbsurdClient,
  InvalidSchedule,
  nextInstants,
  type ScheduleChange,
  ScheduleNotFound,
  type ScheduleSpec,
} from "@contimg/absurd";
import type { SCHEDULE_ROUTES } from "@contimg/contract";

import type { HandlersOf } from "../handler.ts";
import { ApiError } from "../problem.ts";
import { scheduleWords } from "../schedule-words.ts";
import { changeOf, scheduleOptionsOf, specOf, wireFiring, wireSchedule } from "./schedule-wire.ts";
import { wireInstant } from "./wire-values.ts";

type ScheduleHandlers = HandlersOf<typeof SCHEDULE_ROUTES>;

export function scheduleHandlers({ client }: { readonly client: AbsurdClient }): ScheduleHandlers {
  return { ...settingHandlers(client), ...firingHandlers(client) };
}

function settingHandlers(
  client: AbsurdClient,
): Pick<
  ScheduleHandlers,
  "listSchedules" | "createSchedule" | "getSchedule" | "updateSchedule" | "deleteSchedule"
> {
  return {
    async listSchedules({ query: { queue_name: queue, state } }) {
      const schedules = (await client.schedules.list()).map(wireSchedule);
      return {
        schedules: schedules
          .filter((each) => queue === undefined || each.queue_name === queue)
          .filter((each) => state === undefined || each.state === state),
      };
    },
    async createSchedule({ body }) {
      try {
        return wireSchedule(await client.schedules.create(scheduleOptionsOf(body)));
      } catch (error) {
        if (!(error instanceof InvalidSchedule) || !(await exists(client, body.name))) throw error;
        throw new ApiError(
          "ALREADY_EXISTS",
          `there is a schedule "${body.name}"; PATCH it, or choose another name`,
        );
      }
    },
    async getSchedule({ params: { name } }) {
      return wireSchedule(await client.schedules.show(name));
    },
    async updateSchedule({ params: { name }, body }) {
      const { spec: before, paused } = await client.schedules.show(name);
      const change: ScheduleChange = changeOf(body, before);
      if (body.state === "active" && paused) await client.schedules.resume(name);
      return wireSchedule(await client.schedules.update(name, change));
    },
    async deleteSchedule({ params: { name } }) {
      await client.schedules.delete(name);
      return undefined;
    },
  };
}

function firingHandlers(
  client: AbsurdClient,
): Omit<ScheduleHandlers, keyof ReturnType<typeof settingHandlers>> {
  return {
    async previewSchedule({ body }) {
      const spec = specOf(body);
      if (!spec) {
        throw new ApiError("INVALID_PARAMS", "give one of cron_expression and every_seconds", {
          faults: [
            { field: "body.cron_expression", message: "expected it or every_seconds, not both" },
          ],
        });
      }
      return previewOf(spec, nextInstants(spec, new Date(), body.count));
    },
    async triggerSchedule({ params: { name }, body: { overlap } }, { workId }) {
      return wireFiring(await client.schedules.trigger(name, overlap, workId));
    },
    async listNextFirings({ params: { name }, query: { count } }) {
      const [{ spec }, instants] = await Promise.all([
        client.schedules.show(name),
        client.schedules.preview(name, count),
      ]);
      return previewOf(spec, instants);
    },
    async listFirings({ params: { name }, query: { limit } }) {
      return { firings: (await client.schedules.fires(name, limit)).map(wireFiring) };
    },
    async backfillSchedule({ params: { name }, query, body }) {
      const range = { from: new Date(body.from), to: new Date(body.to) };
      if (query.dry_run) {
        const instants = await client.schedules.planBackfill(name, range);
        return { instants: instants.map((each) => wireInstant(each)), firings: [] };
      }
      const firings = await client.schedules.backfill(name, range, body.overlap);
      return { instants: [], firings: firings.map(wireFiring) };
    },
  };
}

function previewOf(
  spec: ScheduleSpec | null,
  instants: readonly Date[],
): { in_words: string; instants: string[] } {
  return { in_words: scheduleWords(spec), instants: instants.map((each) => wireInstant(each)) };
}

async function exists(client: AbsurdClient, name: string): Promise<boolean> {
  try {
    await client.schedules.show(name);
    return true;
  } catch (error) {
    if (error instanceof ScheduleNotFound) return false;
    throw error;
  }
}
