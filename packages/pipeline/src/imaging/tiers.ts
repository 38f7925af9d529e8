/**
 * How well an image is made: three tiers, each a row of rules from which the settings of one tile
 * follow (choose-settings.ts). The numbers of `standard` are those of the decisions on imaging
 * settings; docs/decisions has what was measured.
 */
import { z } from "zod";

export const TIER_NAMES = ["quicklook", "standard", "deep"] as const;
export type TierName = (typeof TIER_NAMES)[number];

export const tierParam = z.enum(TIER_NAMES, {
  error: ({ input }) => `is ${JSON.stringify(input)}, expected one of ${TIER_NAMES.join(", ")}`,
});

export interface Tier {
  /** What it is for, in words for a header. */
  readonly purpose: string;
  /** Pixels across one fringe of the longest baseline at the highest frequency; 2 is Nyquist's. */
  readonly pixelsPerFringe: number;
  /** The image reaches out to where the primary beam has fallen to this response. */
  readonly edgeResponse: number;
  readonly robustness: number;
  readonly iterationsMax: number;
  readonly majorGain: number;
  readonly autoMaskSigma: number;
  readonly autoThresholdSigma: number;
  /** Largest share of the band's frequency that one image may cover as if it were one. */
  readonly channelFraction: number;
  /** Whether a tile may be calibrated with its own image, when that is asked for. */
  readonly selfCalibrates: boolean;
}

export const TIERS: Readonly<Record<TierName, Tier>> = {
  quicklook: {
    purpose: "a look within seconds",
    pixelsPerFringe: 3,
    edgeResponse: 0.5,
    robustness: 0,
    iterationsMax: 3_000,
    majorGain: 0.95,
    autoMaskSigma: 8,
    autoThresholdSigma: 5,
    channelFraction: 1,
    selfCalibrates: false,
  },
  standard: {
    purpose: "every tile, within the telescope's pace",
    pixelsPerFringe: 5,
    edgeResponse: 0.3,
    robustness: 0,
    iterationsMax: 30_000,
    majorGain: 0.9,
    autoMaskSigma: 5,
    autoThresholdSigma: 3,
    channelFraction: 0.2,
    selfCalibrates: true,
  },
  deep: {
    purpose: "a field worth minutes",
    pixelsPerFringe: 5,
    edgeResponse: 0.2,
    robustness: 0,
    iterationsMax: 100_000,
    majorGain: 0.85,
    autoMaskSigma: 4,
    autoThresholdSigma: 1.5,
    channelFraction: 0.04,
    selfCalibrates: true,
  },
};
