/**
 * The tasks of an operator's jobs, for `absurd worker --tasks`. What the world is like they see in
 * a folder: a file `calibration` once there is a table, a file `go` once what waits may end.
 */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { defineTask, TaskError } from "@contimg/absurd";
import { z } from "zod";

const FULL_DISK = "/data1";
const LOOK_MS = 50;

const pathOf = (fact: string): string => join(process.env["OPERATOR_FOLDER"] ?? "", fact);
const has = (fact: string): boolean => existsSync(pathOf(fact));
const note = (fact: string): void => {
  writeFileSync(pathOf(fact), "");
};

export const convert = defineTask({
  name: "convert",
  params: z.strictObject({ group_id: z.string() }),
  handler: ({ group_id: group }) => ({ path: `ms/${group}.ms` }),
});

export const imaging = defineTask({
  name: "imaging",
  params: z.strictObject({
    group_id: z.string(),
    calibrator: z.string().optional(),
    disk: z.string().optional(),
    cell_arcsec: z.number().optional(),
  }),
  handler: async ({ group_id: group, disk, cell_arcsec: cell = 2.4 }, context) => {
    context.log.info({ group, cell }, "gridding");
    if (cell <= 0) {
      throw new TaskError("validation", `cell_arcsec is ${cell}, expected more than 0`, {
        tag: "InvalidCell",
      });
    }
    if (disk === FULL_DISK) {
      throw new TaskError("fatal", `no space left on ${disk}: 0 of 40 GB are free`, {
        tag: "DiskFull",
      });
    }
    if (disk === undefined && !has("calibration")) {
      throw new TaskError("fatal", `no calibration table is valid at ${group}`, {
        tag: "CalibrationMissing",
      });
    }
    return { image: `${disk ?? "images"}/${group}.fits` };
  },
});

/** Runs until it may go on. A deaf one hangs the first time, and does not hear an abort. */
export const solve = defineTask({
  name: "solve",
  params: z.strictObject({
    word: z.string(),
    calibrator: z.string().optional(),
    deaf: z.boolean().optional(),
  }),
  handler: async ({ word, deaf = false }, context) => {
    context.progress(0.4, "channel 307 of 768");
    const hangs = deaf && !has("hung");
    if (hangs) note("hung");
    while (hangs || !(deaf || has("go"))) {
      await sleep(LOOK_MS);
      if (!hangs) context.signal.throwIfAborted();
    }
    return { word };
  },
});

export const photometry = defineTask({
  name: "photometry",
  params: z.strictObject({ group_id: z.string() }),
  handler: ({ group_id: group }) => ({ table: `photometry/${group}.csv` }),
});

export const TASKS = [convert, imaging, solve, photometry];
