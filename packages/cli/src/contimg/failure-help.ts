/** What the dashboard says of the pipeline's errors: its own table, and the pages beside it. */
import { fileURLToPath } from "node:url";

import { ERRORS } from "@contimg/pipeline";

import type { FailureHelp } from "../absurd/start-server.ts";

export const FAILURE_HELP: FailureHelp = {
  hints: ERRORS,
  runbookFolder: fileURLToPath(new URL("../../../../docs/operations", import.meta.url)),
};
