/** What ingest goes by: when a file is whole, when a group is run, when to stop taking files. */
import { z } from "zod";

import { GROUP_TOLERANCE_SECONDS, SUBBAND_COUNT } from "../groups/group-subbands.ts";

const seconds = z.number().min(0).max(1e7);
const bytes = z.number().min(0);

export const ingestPolicySchema = z
  .strictObject({
    expected_subbands: z.int().min(1).max(99).default(SUBBAND_COUNT),
    tolerance_seconds: z.number().min(0).max(150).default(GROUP_TOLERANCE_SECONDS),

    /** A file is looked into when it has not changed for so long, */
    settle_seconds: seconds.default(2),
    /** or at once when it has this size. */
    expected_bytes: z.int().min(1).optional(),
    /** A file that cannot be read so long after its last change is bad, not unfinished. */
    quarantine_seconds: seconds.default(60),

    /** After the last file of an incomplete group: then it is run without the missing subbands */
    wait_seconds: seconds.default(300),
    /** if it has so many, */
    min_subbands: z.int().min(1).max(99).default(12),
    /** and else given up so long after its first file. */
    give_up_seconds: seconds.default(86_400),
    /** Runs of a group that its stragglers and replaced files may cause after the first. */
    reruns_max: z.int().min(0).max(100).default(5),

    /** Free space below which no file is taken; default: 20 GB or a twentieth of the disk. */
    pause_free_bytes: bytes.optional(),
    /** Free space at which files are taken again; default: twice the other. */
    resume_free_bytes: bytes.optional(),
    /** Tasks ready or running, about one a tile, above which no file is taken. */
    pause_tasks: z.int().min(1).default(100),
    resume_tasks: z.int().min(0).default(50),
  })
  .refine((policy) => policy.min_subbands <= policy.expected_subbands, {
    message: "min_subbands is above expected_subbands",
    path: ["min_subbands"],
  })
  .refine((policy) => policy.resume_tasks <= policy.pause_tasks, {
    message: "resume_tasks is above pause_tasks",
    path: ["resume_tasks"],
  })
  .refine(
    ({ pause_free_bytes: pause = 0, resume_free_bytes: resume = Infinity }) => resume >= pause,
    { message: "resume_free_bytes is below pause_free_bytes", path: ["resume_free_bytes"] },
  );

export type IngestPolicy = z.infer<typeof ingestPolicySchema>;
