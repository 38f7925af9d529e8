/** Tasks that fail in several ways, hold limits and wait for an event: what operators look at. */
import { defineTask, TaskError } from "@contimg/absurd";
import { z } from "zod";

/** What is wrong with the machine; an operator mends it between two replays. */
export const broken = { disk: true };
export const doors = new Map<string, () => void>();

export const flag = defineTask({
  name: "flag-thorough",
  params: z.object({ group_id: z.string(), channel_width_khz: z.number() }),
  maxRetries: 0,
  handler: async ({ group_id: group, channel_width_khz: width }) => {
    if (width > 100) {
      throw new TaskError("validation", `${group}: channels of ${width} kHz are too wide to flag`, {
        tag: "ChannelsTooWide",
        fields: { group, width },
      });
    }
    return { flagged: 0.031 };
  },
});

export const validate = defineTask({
  name: "validation",
  params: z.object({ group_id: z.string() }),
  maxRetries: 0,
  handler: async ({ group_id: group }) => {
    if (!broken.disk) return { sources: 84 };
    throw new TaskError("recoverable", `no space left to write validation/${group}.csv`, {
      tag: "DiskFull",
      fields: { group, path: "/data/validation" },
    });
  },
});

export const photometry = defineTask({
  name: "photometry",
  params: z.object({ group_id: z.string() }),
  maxRetries: 0,
  timeoutSeconds: 0.05,
  handler: async ({ group_id: group }, context) =>
    new Promise((resolve) => {
      context.signal.addEventListener("abort", () => {
        resolve({ group });
      });
    }),
});

export const archive = defineTask({
  name: "archive-upload",
  params: z.object({ part: z.string() }),
  concurrency: [{ key: "archive-uplink", limit: 1 }],
  rate: [{ key: "archive-api", count: 20, periodSeconds: 60 }],
  locks: [{ name: "catalogue", mode: "shared" }],
  handler: async ({ part }, context) =>
    new Promise((resolve) => {
      doors.set(part, () => {
        resolve({ part });
      });
      context.signal.addEventListener("abort", () => {
        resolve({ part });
      });
    }),
});

export const approved = defineTask({
  name: "calibration-publish",
  params: z.object({ event: z.string() }),
  handler: async ({ event }, context) => ({ by: await context.awaitEvent(event) }),
});

export const NIGHT_TASKS = [flag, validate, photometry, archive, approved];
