/** What tests of ingest put in place of real subband files, and a client that can spawn stages. */
import { readFile } from "node:fs/promises";

import { AbsurdClient } from "@contimg/absurd";
import { mjdFromUnixMs } from "@contimg/astro";
import type pg from "pg";

import { parseSubbandPath } from "../../groups/subband-file.ts";
import { stageTasks } from "../../stage-task.ts";
import { STAGES } from "../../stages.ts";
import type { Probe } from "../probe-file.ts";

export const QUEUE = "ingest-test";

/** Everything but text that starts with "whole" is refused; the text is the digest. */
export const probeStandIn: Probe = async (path) => {
  const text = await readFile(path, "utf8");
  if (!text.startsWith("whole")) return { refusal: `${path}: ${text} is no subband` };
  const startMjd = mjdFromUnixMs(parseSubbandPath(path)!.unixMs);
  return { digest: text, startMjd, endMjd: startMjd + 0.003_6, declinationRad: 0.95 };
};

export function clientOf(pool: pg.Pool): AbsurdClient {
  const tasks = stageTasks(STAGES, { pool, dataRoot: "/nowhere", threadCount: 1, queue: QUEUE });
  return new AbsurdClient(pool, { tasks });
}
