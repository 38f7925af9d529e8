/** A live system for tests of the dashboard: API, workers with tasks of all fates, a browser. */
import {
  AbsurdClient,
  defineTask,
  startWorker,
  TaskError,
  type WorkerHandle,
} from "@contimg/absurd";
import { type Server, type ServerOptions, startServer } from "@contimg/api";
import { BUILD_FOLDER } from "@contimg/dashboard";
import type pg from "pg";
import { z } from "zod";

const gate = new Map<string, () => void>();

/** Lets a task of `hold` with this word end. */
export function letGo(word: string): void {
  gate.get(word)?.();
}

export const convert = defineTask({
  name: "convert-uvh5-to-ms",
  params: z.strictObject({
    group_id: z.string().describe("The group's first instant, 2026-01-25T08:08:54"),
    priority_band: z.enum(["low", "high"]).default("low"),
    antenna_count: z.int().min(1).max(128).default(96),
  }),
  handler: async ({ group_id: group }, context) => {
    context.log.info({ group }, "reading 16 subbands");
    await context.step("read", async () => ({ files: 16, bytes: 2_300_000_000 }));
    context.log.warn({}, "\u001b[33msubband 07\u001b[0m has 3 % of its samples flagged");
    await context.step("write", async () => ({ path: `ms/${group}.ms` }));
    context.log.info({}, "written");
    return { path: `ms/${group}.ms`, rows: 4_560 };
  },
});

export const imaging = defineTask({
  name: "imaging",
  params: z.strictObject({ group_id: z.string(), cell_arcsec: z.number().default(2.4) }),
  maxRetries: 1,
  handler: async ({ group_id: group, cell_arcsec: cell }, context) => {
    context.log.info({ group, cell }, "gridding");
    await context.step("grid", async () => ({ cells: 4096 }));
    if (cell > 3) return { image: `images/${group}.fits` };
    context.log.error({ group }, "the tile's calibration is missing");
    throw new TaskError(
      "fatal",
      `no calibration table is valid at ${group}: expected one within 12 h`,
      { tag: "CalibrationMissing", fields: { group, hours: 12 } },
    );
  },
});

export const hold = defineTask({
  name: "calibration-solve",
  params: z.strictObject({ word: z.string() }),
  handler: async ({ word }, context) => {
    context.progress(0.4, "channel 307 of 768");
    context.log.info({}, "solving");
    await new Promise<void>((resolve) => {
      gate.set(word, resolve);
      context.signal.addEventListener("abort", () => {
        resolve();
      });
    });
    return { word };
  },
});

export const TASKS = [convert, imaging, hold];

export interface Bed {
  readonly client: AbsurdClient;
  readonly worker: WorkerHandle;
  readonly server: Server;
  /** The API goes, workers stay. */
  stopServer(): Promise<void>;
  close(): Promise<void>;
}

export async function startBed(
  url: string,
  pool: pg.Pool,
  options: Pick<ServerOptions, "port" | "basePath" | "auth"> = {},
): Promise<Bed> {
  const worker = await startWorker({
    connectionString: url,
    tasks: TASKS,
    concurrency: 3,
    name: "lxd110h03",
  });
  const client = new AbsurdClient(pool, { tasks: TASKS });
  const server = await startServer({
    connectionString: url,
    port: 0,
    dashboardFolder: BUILD_FOLDER,
    checkAnswers: true,
    ...options,
  });
  let stopped: Promise<void> | undefined;
  const stopServer = () => (stopped ??= server.close());
  return {
    client,
    worker,
    server,
    stopServer,
    close: async () => {
      await stopServer();
      await worker.stop();
      await client.close();
    },
  };
}
