/** Thresholds of the fast flagger, as the params of a stage; the defaults are the telescope's. */
import { z } from "zod";

export const flagParamsSchema = z.strictObject({
  /** `off` keeps the flags of the files and adds none. */
  strategy: z.enum(["fast", "off"]).default("fast"),
  /** Beyond median + this · 1.4826 · MAD a visibility, channel or integration stands out. */
  amplitude_sigma: z.number().min(3).max(100).default(7),
  /** In the correlator's units; amplitudes above are flagged. Without it there is no limit. */
  amplitude_max: z.number().positive().nullable().default(null),
  /** An antenna's polarization is dead when more than this of it is zero, not a number, flagged. */
  dead_antenna_fraction: z.number().gt(0).max(1).default(0.95),
  /** … or when its amplitudes are below this share of the median antenna's; 0 switches it off. */
  dead_antenna_amplitude: z.number().min(0).lt(1).default(0.1),
  /** Flagged at both borders of each subband. */
  edge_channels: z.int().min(0).max(1000).default(0),
  /** A channel is compared with so many on each side of it in its subband. */
  channel_window: z.int().min(3).max(200).default(12),
  /** A channel below this share of the amplitude around it is flagged; 0 switches it off. */
  channel_amplitude_min: z.number().min(0).lt(1).default(0.25),
  /** A channel of which more is flagged, at a time or in all, is flagged on all baselines. */
  channel_occupancy_max: z.number().gt(0).max(1).default(0.25),
  /** A baseline's channel of which more times are flagged is flagged at all times. */
  baseline_occupancy_max: z.number().gt(0).max(1).default(0.5),
  /** Neighbors on each side of a flagged visibility that are flagged too. */
  extend_channels: z.int().min(0).max(100).default(0),
  extend_times: z.int().min(0).max(100).default(0),
  /** What stands out in one polarization is flagged in all. */
  extend_polarizations: z.boolean().default(true),
});

export type FlagParams = z.infer<typeof flagParamsSchema>;

export const FLAG_DEFAULTS: FlagParams = flagParamsSchema.parse({});
