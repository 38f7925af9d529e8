/**
 * Which calibration a group would get, before it is converted: from the headers of its files, by
 * the same rules as the tile that they become.
 */
import { resolve as resolvePath } from "node:path";

import { SECONDS_PER_DAY } from "@contimg/astro";

import { arraySite } from "../array-site.ts";
import type { DecidedCalibration } from "../calibration/apply-decided.ts";
import { pointingAt } from "../calibration/pointing.ts";
import type { CalibrationPolicy } from "../registry/policy.ts";
import type { ProductLookup } from "../stage.ts";
import { planConversion, type PlanOptions } from "./conversion-plan.ts";
import { describeMeasurementSet } from "./measurement-set-description.ts";
import { closeAll, openSubbands, toPipelineError } from "./open-subbands.ts";

/** Null when none may be used yet: then the raw set is written, and the tile can wait. */
export async function knownCalibration(
  group: PlanOptions & { readonly groupId: string; readonly inputPaths: readonly string[] },
  policy: CalibrationPolicy,
  lookup: ProductLookup,
): Promise<DecidedCalibration | null> {
  const { groupId } = group;
  const decision = await lookup.findCalibration({ groupId, ...tileOf(group) }, policy);
  if (decision.kind === "hold") return null;
  return {
    decision,
    policy,
    calibration_table_paths: decision.tables.map(({ table_path }) =>
      resolvePath(lookup.dataRoot, table_path),
    ),
  };
}

/** Headers only: milliseconds. @throws {PipelineError} as the conversion would */
function tileOf(group: PlanOptions & { readonly inputPaths: readonly string[] }) {
  const files = openSubbands(group.inputPaths);
  try {
    const plan = planConversion(files, group);
    const { timesMjd } = files[0]!.header;
    const { antennas, field, frequencyHz, channelWidthHz } = describeMeasurementSet(plan, false);
    // By way of seconds, as a Measurement Set keeps them.
    const [first, last] = [timesMjd[0]! * SECONDS_PER_DAY, timesMjd.at(-1)! * SECONDS_PER_DAY];
    const midMjd = (first + last) / 2 / SECONDS_PER_DAY;
    const { declinationRad } = pointingAt(midMjd, field, arraySite(antennas.positionsM));
    return { midMjd, declinationRad, band: { frequencyHz, channelWidthHz } };
  } catch (error) {
    throw toPipelineError(error);
  } finally {
    closeAll(files);
  }
}
