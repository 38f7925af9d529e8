/**
 * The choice of a calibration: a pure function of the candidates, the tile and the policy.
 *
 * A candidate is refused or usable. Of each solve's usable ones the calibrator of the lowest rank
 * counts. Of these the nearest before and after the tile are interpolated by time, else the nearest
 * is taken, else one that is out of validity but not too old, else the tile waits. Swapping past
 * and future swaps nothing but the signs of the offsets.
 */
import {
  stalenessOf,
  type CalibrationDecision,
  type ChosenTable,
  type DecisionKind,
} from "./decision.ts";
import { type CalibrationPolicy, DAY_HOURS } from "./policy.ts";
import { refuse, refuseImplausible, type Candidate, type Target, type Verdict } from "./refuse.ts";

export function decide(
  candidates: readonly Candidate[],
  target: Target,
  policy: CalibrationPolicy,
): CalibrationDecision {
  const each = candidates
    .map((candidate) => refuse(candidate, target, policy))
    .sort(byNearness(target));
  const assigned = each.find(
    ({ candidate, refusal }) =>
      candidate.calibrationId === target.assignedId &&
      (refusal === undefined || isOutOfReach(refusal.refusal)),
  );
  const verdicts = refuseImplausible(each, policy);
  const usable = bestOfSolves(
    verdicts.filter(({ refusal }) => refusal === undefined),
    target,
    policy,
  );
  const known = bestOfSolves(
    verdicts.filter(({ candidate, refusal }) => isKnownGood(candidate, refusal, target, policy)),
    target,
    policy,
  );
  if (assigned) return one("assigned", assigned.candidate, verdicts, target, policy);
  if (usable.length > 0) return fromUsable(usable, verdicts, target, policy);
  if (known[0]) return one("last-known-good", known[0], verdicts, target, policy);
  return hold(verdicts, target);
}

/** Refused for when and where it was made, not for what it is. */
function isOutOfReach(refusal: string): boolean {
  return refusal === "expired" || refusal === "slew" || refusal === "declination";
}

function isKnownGood(
  candidate: Candidate,
  refusal: Verdict["refusal"],
  target: Target,
  policy: CalibrationPolicy,
): boolean {
  if (refusal?.refusal !== "expired" && refusal?.refusal !== "slew") return false;
  return ageHours(candidate, target) <= policy.last_known_good_hours;
}

/** One of each solve, of the lowest rank, the newest of equals; by effective distance. */
function bestOfSolves(
  verdicts: readonly Verdict[],
  target: Target,
  policy: CalibrationPolicy,
): Candidate[] {
  const best = new Map<string, Candidate>();
  for (const { candidate } of verdicts) {
    const rival = best.get(candidate.solve);
    if (rival === undefined || isBefore(candidate, rival)) best.set(candidate.solve, candidate);
  }
  return [...best.values()].sort(
    (a, b) =>
      distanceHours(a, target, policy) - distanceHours(b, target, policy) ||
      (isBefore(a, b) ? -1 : 1),
  );
}

/** A total order that does not know the time of the solve. */
function isBefore(a: Candidate, b: Candidate): boolean {
  if (a.rank !== b.rank) return a.rank < b.rank;
  if (a.createdUnixMs !== b.createdUnixMs) return a.createdUnixMs > b.createdUnixMs;
  return a.calibrationId < b.calibrationId;
}

/** How far away a candidate counts as. */
function distanceHours(candidate: Candidate, target: Target, policy: CalibrationPolicy): number {
  const handicap = candidate.grade === "warn" ? policy.warned_handicap_hours : 0;
  return ageHours(candidate, target) + handicap;
}

function fromUsable(
  usable: readonly Candidate[],
  verdicts: readonly Verdict[],
  target: Target,
  policy: CalibrationPolicy,
): CalibrationDecision {
  const nearest = usable[0]!;
  const before = usable.find(({ midMjd }) => midMjd < target.mjd);
  const after = usable.find(({ midMjd }) => midMjd > target.mjd);
  const channelsDiffer = before?.channelCount !== after?.channelCount;
  const pair = before && after && !channelsDiffer ? [before, after] : undefined;
  if (pair === undefined || nearest.midMjd === target.mjd) {
    const kind = nearest.rank > 0 ? "backup" : "nearest";
    const decision = one(kind, nearest, verdicts, target, policy);
    if (!before || !after) return decision;
    const why = channelsDiffer ? "the one on the other side has other channels" : "at its time";
    return { ...decision, reason: `${decision.tables[0]!.table_path}: ${why}` };
  }
  const gap = after!.midMjd - before!.midMjd;
  const tables = [
    chosen(before!, target, (after!.midMjd - target.mjd) / gap),
    chosen(after!, target, (target.mjd - before!.midMjd) / gap),
  ].sort((a, b) => b.weight - a.weight || (a.table_path < b.table_path ? -1 : 1));
  const kind = pair.some(({ rank }) => rank > 0) ? "backup" : "interpolated";
  const reason =
    `interpolated between ${inWords(tables[0]!)} (weight ${tables[0]!.weight.toFixed(2)}) and ` +
    `${inWords(tables[1]!)} (weight ${tables[1]!.weight.toFixed(2)}), ` +
    "the nearest usable ones before and after the tile";
  const warnings = pair.flatMap((candidate) => warningsOf(candidate, verdicts));
  return finish({ kind, tables, reason, warnings }, verdicts, target);
}

function one(
  kind: DecisionKind,
  candidate: Candidate,
  verdicts: readonly Verdict[],
  target: Target,
  policy: CalibrationPolicy,
): CalibrationDecision {
  const table = chosen(candidate, target, 1);
  const warnings = warningsOf(candidate, verdicts);
  const refusal = verdicts.find((verdict) => verdict.candidate === candidate)?.refusal;
  const limit = policy.last_known_good_hours;
  if (kind === "last-known-good") {
    warnings.push(
      `no valid calibration: ${inWords(table)} is the last known good one within ` +
        `${limit} h; ${refusal?.reason ?? ""}`,
    );
  } else if (kind === "assigned" && refusal) {
    warnings.push(`${inWords(table)} was assigned by a person although ${refusal.reason}`);
  } else if (ageHours(candidate, target) > policy.aging_hours) {
    warnings.push(
      `calibration is ${ageHours(candidate, target).toFixed(1)} h from the tile, ` +
        `expected at most ${policy.aging_hours} h`,
    );
  }
  const reason = `${inWords(table)}: ${WHY_ONE[kind]}`;
  return finish({ kind, tables: [table], reason, warnings }, verdicts, target);
}

const WHY_ONE: Readonly<Partial<Record<DecisionKind, string>>> = {
  assigned: "a person assigned it to this tile",
  nearest: "the nearest usable one; there is none on the other side of the tile",
  backup: "the nearest usable one, of a backup calibrator",
  "last-known-good": "none is valid, this is the last known good one",
};

function hold(verdicts: readonly Verdict[], target: Target): CalibrationDecision {
  const reason = lackInWords(verdicts, target);
  return finish({ kind: "hold", tables: [], reason, warnings: [] }, verdicts, target);
}

function lackInWords(verdicts: readonly Verdict[], target: Target): string {
  const declinationDeg = ((target.declinationRad * 180) / Math.PI).toFixed(2);
  const wanted = `no calibration for MJD ${target.mjd.toFixed(5)} at declination ${declinationDeg}°`;
  const nearest = verdicts[0];
  if (nearest === undefined) return `${wanted}: the registry has none near`;
  const sound = verdicts.filter(
    ({ refusal }) => refusal === undefined || isOutOfReach(refusal.refusal),
  );
  if (sound.length === 0)
    return (
      `${wanted}: none of ${verdicts.length} may be used; the nearest: ` +
      (nearest.refusal?.reason ?? "")
    );
  const here = sound.find(({ refusal }) => refusal?.refusal !== "declination");
  if (here === undefined) return `${wanted}: ${sound[0]!.refusal!.reason}`;
  return `${wanted}: the nearest is ${ageHours(here.candidate, target).toFixed(1)} h away`;
}

function warningsOf(candidate: Candidate, verdicts: readonly Verdict[]): string[] {
  const warnings: string[] = [];
  if (candidate.grade === "warn")
    warnings.push(`calibration ${candidate.tablePath} was registered with warnings`);
  if (candidate.rank > 0) {
    const first = verdicts
      .filter((verdict) => verdict.candidate.solve === candidate.solve)
      .find((verdict) => verdict.candidate.rank < candidate.rank);
    const why = first?.refusal?.reason ?? "the solve has none of its first calibrator";
    warnings.push(`calibrated with the backup calibrator ${candidate.calibrator}: ${why}`);
  }
  return warnings;
}

function finish(
  made: Pick<CalibrationDecision, "kind" | "tables" | "reason" | "warnings">,
  verdicts: readonly Verdict[],
  target: Target,
): CalibrationDecision {
  const ages = made.tables.map(({ offset_hours }) => Math.abs(offset_hours ?? 0));
  const age = ages.length === 0 ? null : Math.min(...ages);
  const taken = new Set(made.tables.map(({ calibration_id }) => calibration_id));
  return {
    ...made,
    warnings: [...made.warnings, ...assignedInVain(verdicts, target, taken)],
    age_hours: age,
    staleness: age === null ? null : stalenessOf(age),
    refused: verdicts
      .filter(({ candidate }) => !taken.has(candidate.calibrationId))
      .flatMap(({ candidate, refusal }) =>
        refusal === undefined
          ? []
          : [
              {
                calibration_id: candidate.calibrationId,
                table_path: candidate.tablePath,
                calibrator: candidate.calibrator,
                offset_hours: offsetHours(candidate, target),
                ...refusal,
              },
            ],
      ),
    target: { mjd: target.mjd, declination_rad: target.declinationRad },
  };
}

/** A person's choice that could not be followed must not go unnoticed. */
function assignedInVain(
  verdicts: readonly Verdict[],
  { assignedId }: Target,
  taken: ReadonlySet<string | null>,
): string[] {
  if (assignedId === undefined || taken.has(assignedId)) return [];
  const own = verdicts.find(({ candidate }) => candidate.calibrationId === assignedId);
  const why = own?.refusal?.reason ?? "the registry has none of that id near";
  return [`the calibration ${assignedId} that a person assigned is not used: ${why}`];
}

function chosen(candidate: Candidate, target: Target, weight: number): ChosenTable {
  return {
    calibration_id: candidate.calibrationId,
    table_path: candidate.tablePath,
    calibrator: candidate.calibrator,
    mid_mjd: candidate.midMjd,
    offset_hours: offsetHours(candidate, target),
    weight,
    grade: candidate.grade === "fail" ? null : candidate.grade,
  };
}

function inWords({ table_path, calibrator, offset_hours }: ChosenTable): string {
  const hours = Math.abs(offset_hours ?? 0).toFixed(1);
  const side = (offset_hours ?? 0) < 0 ? "before" : "after";
  return `${table_path} of ${calibrator ?? "an unknown calibrator"}, ${hours} h ${side}`;
}

function byNearness(target: Target): (a: Verdict, b: Verdict) => number {
  return (a, b) =>
    ageHours(a.candidate, target) - ageHours(b.candidate, target) ||
    (isBefore(a.candidate, b.candidate) ? -1 : 1);
}

function offsetHours(candidate: Candidate, target: Target): number {
  return (candidate.midMjd - target.mjd) * DAY_HOURS;
}

function ageHours(candidate: Candidate, target: Target): number {
  return Math.abs(offsetHours(candidate, target));
}
