/** The params of stages that make images: every setting can be given, none must be. */
import { z } from "zod";

import { groupIdParam, pathParam } from "../stage-params.ts";
import {
  CELL_ARCSEC_MAX,
  CELL_ARCSEC_MIN,
  CHANNELS_OUT_MAX,
  PIXEL_COUNT_MAX,
  PIXEL_COUNT_MIN,
} from "./choose-settings.ts";
import { limitsOf, selfCalibrationParam } from "../self-calibration/limits.ts";
import { tierParam, TIERS } from "./tiers.ts";
import { wholeWithin, within } from "./within.ts";

const evenMessage = "expected an even number of pixels";

/** Chosen from the data and the tier when absent; see choose-settings.ts. */
const settingParams = {
  pixel_count: wholeWithin(PIXEL_COUNT_MIN, PIXEL_COUNT_MAX, "pixels")
    .multipleOf(2, { error: ({ input }) => `is ${String(input)}, ${evenMessage}` })
    .optional(),
  cell_arcsec: within(CELL_ARCSEC_MIN, CELL_ARCSEC_MAX, "arcsec").optional(),
  robustness: within(-2, 2).optional(),
  iterations_max: wholeWithin(0, 10_000_000).optional(),
  major_gain: within(0.05, 1).optional(),
  auto_mask_sigma: within(0.5, 100, "sigma").optional(),
  auto_threshold_sigma: within(0.1, 100, "sigma").optional(),
  /** 0 lets CLEAN go as deep as the σ above say. */
  threshold_jy: within(0, 1000, "Jy").optional(),
  channels_out: wholeWithin(1, CHANNELS_OUT_MAX).optional(),
};

export const measurementSetParams = {
  group_id: groupIdParam,
  /** Absolute; found in the registry when absent. */
  calibrated_measurement_set_path: pathParam.optional(),
};

export const resourceParams = {
  /** What WSClean may hold; less is tried when that is not there. */
  memory_gib: within(0.25, 1024, "GiB").default(4),
  timeout_seconds: within(1, 86_400, "s").default(1800),
};

const allParams = z.strictObject({
  ...measurementSetParams,
  tier: tierParam.default("standard"),
  ...settingParams,
  pointing: z.enum(["drift", "tracking"]).default("drift"),
  /**
   * Takes off what changes of bright catalogue sources as they drift, and those beyond the image;
   * see steady-field.ts. Not where there is no catalogue, nor while tracking.
   */
  uses_field_sources: z.boolean().default(true),
  /** The reference catalogue when absent. */
  catalog_path: pathParam.optional(),
  /** The corrected image has no value where the beam's response is lower. */
  primary_beam_min: within(0.001, 1).default(0.15),
  /**
   * Restores with this beam instead of the fitted one, so that tiles compare pixel by pixel;
   * "common": with the smallest that covers those of all parts of the band.
   */
  restoring_beam: z
    .union([
      z.literal("common"),
      z.strictObject({
        major_arcsec: within(0.01, 3600, "arcsec"),
        minor_arcsec: within(0.01, 3600, "arcsec"),
        position_angle_deg: within(-180, 180, "deg"),
      }),
    ])
    .optional(),
  /** Keeps the images of the parts of the band. */
  channel_images: z.boolean().default(false),
  /** 4 adds axes FREQ and STOKES of one pixel to the images. */
  axis_count: z.union([z.literal(2), z.literal(4)]).default(2),
  /** System equivalent flux density of an antenna, for the theoretical noise. */
  sefd_jy: within(1e-3, 1e9, "Jy").default(6500),
  /** Rounds on the tile itself, of which one is kept only when it improves the image. */
  self_calibration: selfCalibrationParam,
  ...resourceParams,
});

export const imagingParamsSchema = allParams.refine(
  ({ tier, self_calibration }) => limitsOf(self_calibration) === null || TIERS[tier].selfCalibrates,
  {
    path: ["self_calibration"],
    error: ({ input }) =>
      `expected false with tier ${(input as z.infer<typeof allParams>).tier}, ` +
      "whose shallow CLEAN makes no model to calibrate with",
  },
);

export type ImagingParams = z.infer<typeof imagingParamsSchema>;
