/**
 * Why a visibility is flagged. While a tile is flagged, one byte a visibility holds either its
 * reason, below AMPLITUDE_FIRST, or its amplitude: what has a reason never gets an amplitude again,
 * so flags are only ever added, and the first reason is the one that counts.
 */

/** In the order in which they are found. */
export const REASONS = [
  /** Flagged before: in the file, because nothing went into it, or by an earlier flagger. */
  "earlier",
  /** Exactly zero, or not a number. */
  "unusable",
  "autocorrelation",
  /** Configured channels at the borders of subbands. */
  "band-edge",
  /** Above an absolute limit. */
  "clip",
  "dead-antenna",
  /** The channel stands out from those around it at all times. */
  "channel",
  /** The channel stands out from its other times, or the integration from those around it. */
  "burst",
  /** Stands out from the other times of its baseline and channel. */
  "time-outlier",
  /** Stands out from the other baselines of its time and channel. */
  "baseline-outlier",
  /** Too much beside it is flagged: the baseline's channel, or the channel on all baselines. */
  "occupancy",
  /** Between flagged ones, near them, or the other polarization of one. */
  "neighbor",
  /** Found by the thorough strategy only. */
  "aoflagger",
] as const;

export type FlagReason = (typeof REASONS)[number];

/** Bytes from here on are amplitudes. */
export const AMPLITUDE_FIRST = 16;

export function reasonCode(reason: FlagReason): number {
  return REASONS.indexOf(reason);
}
