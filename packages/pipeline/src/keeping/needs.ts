/**
 * What a run of each stage takes, as functions of its params and inputs. Pure.
 *
 * They are written to be enough for the telescope's largest set (117 antennas, 768 channels), so
 * that the first run of a new machine is safe; experience only raises them (run-ledger.ts).
 */
import type { RetryPolicy } from "@contimg/absurd";
import { z } from "zod";

export interface StageNeeds {
  /** Resident memory of the stage's process and its tools. */
  readonly memoryBytes: number;
  /** Temporary files, besides what the stage says it will write (`outputBytes`). */
  readonly scratchBytes: number;
  /** Files open at once in one process. */
  readonly openFiles: number;
}

/** The part of params or inputs that matters; both hold it, under the same names. */
const settingsSchema = z.object({
  pixel_count: z.number().catch(4096),
  channels_out: z.number().catch(1),
  /** False or null: not asked for. */
  self_calibration: z.unknown().optional().transform(Boolean),
});

type Settings = z.infer<typeof settingsSchema>;

interface NeedsRule {
  /** Of a full-size tile, for when the inputs are not there yet. */
  readonly inputBytes: (settings: Settings) => number;
  readonly needs: (settings: Settings, inputBytes: number) => StageNeeds;
}

const MIB = 2 ** 20;
/** Node with a stage's modules loaded. */
const BASE_BYTES = 256 * MIB;
const RAW_TILE_BYTES = 2.4e9;
/** After averaging over four channels. */
const CALIBRATED_TILE_BYTES = 0.8e9;
/** A casacore table opens about one file a column and storage manager. */
const TABLE_FILES = 128;

const planeBytes = (settings: Settings): number => 4 * settings.pixel_count ** 2;

const WSCLEAN: NeedsRule = {
  inputBytes: () => CALIBRATED_TILE_BYTES,
  // WSClean: model, residual, dirty, PSF, mask and their padded transforms; ours: three float64
  // planes at a time; and the visibilities once, or it reads them in parts. A copy of them in
  // gridding order is scratch; when self-calibrating also the model in that order, and the copy
  // that the rounds work on with its model.
  needs: (settings, bytes) => ({
    memoryBytes: BASE_BYTES + planeBytes(settings) * (20 + 4 * settings.channels_out) + bytes,
    scratchBytes: settings.self_calibration ? 4 * bytes : bytes,
    openFiles: (settings.self_calibration ? 3 : 1) * TABLE_FILES + 8 * settings.channels_out,
  }),
};

const RULES: Readonly<Record<string, NeedsRule>> = {
  "convert-uvh5-to-ms": {
    inputBytes: () => RAW_TILE_BYTES,
    // Six copies of one of 24 integrations: read, widened, averaged, flagged, written, spare.
    needs: (_settings, bytes) => memory(BASE_BYTES + (6 * bytes) / 24, TABLE_FILES + 16),
  },
  "flag-thorough": {
    inputBytes: () => RAW_TILE_BYTES,
    // AOFlagger reads a baseline's whole band; 2.1 GiB were seen of a full-size set.
    needs: (_settings, bytes) => memory(BASE_BYTES + bytes, 2 * TABLE_FILES),
  },
  "calibration-solve": {
    inputBytes: () => RAW_TILE_BYTES,
    // Each thread holds the baselines' averages of its channels besides the rows being read.
    needs: (_settings, bytes) => memory(BASE_BYTES + bytes / 2, TABLE_FILES),
  },
  "calibration-apply": {
    inputBytes: () => RAW_TILE_BYTES,
    needs: (_settings, bytes) => memory(BASE_BYTES + bytes / 3, 2 * TABLE_FILES),
  },
  imaging: WSCLEAN,
  snapshots: WSCLEAN,
  validation: {
    inputBytes: (settings) => 3 * planeBytes(settings),
    needs: (_settings, bytes) => memory(BASE_BYTES + 6 * bytes, 64),
  },
  photometry: {
    inputBytes: (settings) => 2 * planeBytes(settings),
    needs: (_settings, bytes) => memory(BASE_BYTES + 6 * bytes, 64),
  },
};

/** Of a stage that is not in the table, such as a site's own. */
const UNKNOWN: NeedsRule = {
  inputBytes: () => RAW_TILE_BYTES,
  needs: (_settings, bytes) => memory(BASE_BYTES + bytes / 2, TABLE_FILES),
};

function memory(memoryBytes: number, openFiles: number): StageNeeds {
  return { memoryBytes: Math.ceil(memoryBytes), scratchBytes: 0, openFiles };
}

/**
 * @param settings the params of a task, or the inputs of a run
 * @param inputBytes what the run reads; unknown when a task is spawned before its inputs exist
 */
export function needsOf(stage: string, settings: unknown, inputBytes?: number): StageNeeds {
  const rule = RULES[stage] ?? UNKNOWN;
  const known = settingsSchema.parse(typeof settings === "object" ? (settings ?? {}) : {});
  return rule.needs(known, inputBytes ?? rule.inputBytes(known));
}

/** Times what the functions say; at least 1. */
export interface Experience {
  readonly memoryFactor: number;
  readonly diskFactor: number;
}

export const NO_EXPERIENCE: Experience = { memoryFactor: 1, diskFactor: 1 };

/** The amounts that workers have and tasks ask for; MiB, because people read them. */
export interface StageResources {
  readonly [name: string]: number;
  readonly memory_mib: number;
  readonly open_files: number;
}

/** What a task of the stage asks of its worker. */
export function resourcesOf(
  stage: string,
  params: unknown,
  experience: Experience = NO_EXPERIENCE,
): StageResources {
  const { memoryBytes, openFiles } = needsOf(stage, params);
  return {
    memory_mib: Math.ceil((memoryBytes * experience.memoryFactor) / MIB),
    open_files: openFiles,
  };
}

/** Room comes back by itself: waiting for it must not use up a tile's attempts. */
export const ROOM_RETRIES: RetryPolicy = {
  byTag: {
    MemoryBusy: { maxRetries: 1000, backoffSeconds: 5, backoffSecondsMax: 60 },
    DiskFull: { maxRetries: 300, backoffSeconds: 5 },
  },
};

/** For a test that no stage of a chain lacks its rule. */
export const STAGES_WITH_NEEDS: readonly string[] = Object.keys(RULES);
