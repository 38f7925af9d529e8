/** Whether a registered calibration may be used for a tile, and if not, why: one reason each. */
import type { Refusal } from "./decision.ts";
import { type CalibrationPolicy, DAY_HOURS } from "./policy.ts";

const DEGREES_PER_RAD = 180 / Math.PI;

/** A registered set of gains, as the registry and its file tell. */
export interface Candidate {
  readonly calibrationId: string;
  /** Relative to the data root. */
  readonly tablePath: string;
  /** Names the observation that was solved: solutions of its several calibrators share it. */
  readonly solve: string;
  readonly calibrator: string;
  /** 0 for the solve's first choice of calibrator, 1 for its first backup, and so on. */
  readonly rank: number;
  readonly midMjd: number;
  readonly startMjd: number;
  readonly endMjd: number;
  readonly declinationRad: number;
  readonly status: "active" | "retired" | "failed";
  /** Who retired it, or what verification found. */
  readonly statusReason: string | null;
  readonly grade: "good" | "warn" | "fail" | null;
  readonly channelCount: number | null;
  /** Of its gains; null when it is not on record. */
  readonly medianAmplitude: number | null;
  readonly createdUnixMs: number;
  /** What opening the file showed to be wrong with it; undefined before it was opened. */
  readonly problem?: string | undefined;
}

/** The tile that needs gains. */
export interface Target {
  readonly mjd: number;
  readonly declinationRad: number;
  /** The pointings of other groups around it, in any order. */
  readonly pointings: readonly { readonly mjd: number; readonly declinationRad: number }[];
  /** The calibration that a person chose for this tile. */
  readonly assignedId?: string | undefined;
}

export interface Verdict {
  readonly candidate: Candidate;
  /** Undefined when it may be used. */
  readonly refusal: { readonly refusal: Refusal; readonly reason: string } | undefined;
}

export function refuse(candidate: Candidate, target: Target, policy: CalibrationPolicy): Verdict {
  const found = refusalOf(candidate, target, policy);
  return { candidate, refusal: found && { refusal: found[0], reason: found[1] } };
}

/**
 * Refuses, too, what was registered with warnings and has amplitudes that no receiver has: they
 * are much the same all night, so others than those of the nearest good solution say that the sky
 * was not the model, as when a calibrator is not there.
 * @param verdicts the nearest to the tile first
 */
export function refuseImplausible(
  verdicts: readonly Verdict[],
  { amplitude_change_max: most }: CalibrationPolicy,
): Verdict[] {
  const good = verdicts.flatMap(({ candidate, refusal }) =>
    refusal === undefined && candidate.grade === "good" && candidate.medianAmplitude !== null
      ? [{ tablePath: candidate.tablePath, amplitude: candidate.medianAmplitude }]
      : [],
  )[0];
  return verdicts.map((verdict): Verdict => {
    const { candidate, refusal } = verdict;
    const { tablePath, grade, medianAmplitude } = candidate;
    if (refusal !== undefined || grade !== "warn") return verdict;
    if (good === undefined || medianAmplitude === null) return verdict;
    const ratio = medianAmplitude / good.amplitude;
    if (Math.max(ratio, 1 / ratio) <= 1 + most) return verdict;
    const reason =
      `${tablePath} was registered with warnings, and its amplitudes are ${ratio.toFixed(2)} ` +
      `times those of ${good.tablePath}, expected within ${(100 * most).toFixed(0)} %`;
    return { candidate, refusal: { refusal: "implausible", reason } };
  });
}

function refusalOf(
  candidate: Candidate,
  target: Target,
  policy: CalibrationPolicy,
): [Refusal, string] | undefined {
  const { tablePath, status, grade, problem } = candidate;
  const why = candidate.statusReason ?? "no reason is on record";
  if (status !== "active") return [status, `${tablePath} is ${status}: ${why}`];
  if (grade === "fail") return ["graded-fail", `${tablePath} failed its quality gate`];
  if (problem !== undefined) return ["unreadable", `${tablePath} cannot be used: ${problem}`];
  const { declination_tolerance_deg: tolerance } = policy;
  const away = degreesBetween(candidate, target);
  // Negated, so that what is not a number is refused as well.
  if (!(away <= tolerance))
    return [
      "declination",
      `${tablePath} was solved ${away.toFixed(2)}° away in declination, expected at most ${tolerance}°`,
    ];
  const expired = expiryOf(candidate, target, policy);
  if (expired !== undefined) return ["expired", `${tablePath} ${expired}`];
  const slew = slewBetween(candidate, target, tolerance);
  if (slew !== undefined) return ["slew", `${tablePath} ${slew}`];
  return undefined;
}

function expiryOf(
  { midMjd, startMjd, endMjd }: Candidate,
  { mjd }: Target,
  { validity_hours }: CalibrationPolicy,
): string | undefined {
  const hours = (mjd - midMjd) * DAY_HOURS;
  const isValid =
    validity_hours === null ? startMjd <= mjd && mjd <= endMjd : Math.abs(hours) <= validity_hours;
  if (isValid) return undefined;
  const limit = validity_hours ?? DAY_HOURS * (mjd > midMjd ? endMjd - midMjd : midMjd - startMjd);
  return `is ${Math.abs(hours).toFixed(1)} h away, valid for ${limit.toFixed(1)} h`;
}

/** A pointing between solve and tile that is another than the tile's. */
function slewBetween(
  { midMjd }: Candidate,
  target: Target,
  toleranceDeg: number,
): string | undefined {
  const [first, last] = [Math.min(midMjd, target.mjd), Math.max(midMjd, target.mjd)];
  const other = target.pointings.find(
    (pointing) =>
      first < pointing.mjd &&
      pointing.mjd < last &&
      degreesBetween(pointing, target) > toleranceDeg,
  );
  if (other === undefined) return undefined;
  const declinationDeg = (other.declinationRad * DEGREES_PER_RAD).toFixed(2);
  return `is beyond a slew: at MJD ${other.mjd.toFixed(5)} the telescope pointed to declination ${declinationDeg}°`;
}

function degreesBetween(
  a: { readonly declinationRad: number },
  b: { readonly declinationRad: number },
): number {
  return Math.abs(a.declinationRad - b.declinationRad) * DEGREES_PER_RAD;
}
