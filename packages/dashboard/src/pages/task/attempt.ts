/** An attempt that ended, as the API tells it. */
import type { attempt } from "@contimg/contract";
import type { z } from "zod";

export type Attempt = z.output<typeof attempt>;
