/** What is known of a group before its data are read: axes, geometry, order of products. */
import type { Uvh5File } from "@contimg/formats";

import { checkGroup } from "./check-group.ts";
import { planGeometry } from "./geometry.ts";
import type { Geometry, GeometryOptions } from "./geometry.ts";
import { mergeAroundMissing } from "./missing-subbands.ts";
import { polarizationOrder } from "./polarization-order.ts";
import type { PolarizationOrder } from "./polarization-order.ts";
import { mergeSubbands } from "./subband-axis.ts";
import type { SubbandAxis } from "./subband-axis.ts";

export interface ConversionPlan {
  readonly files: readonly Uvh5File[];
  readonly axis: SubbandAxis;
  readonly polarizations: PolarizationOrder;
  readonly geometry: Geometry;
  /** Apparent, of the pointing. */
  readonly declinationRad: number;
}

export interface PlanOptions extends GeometryOptions {
  readonly expectedDeclinationRad?: number;
  /** Files of a whole group: the channels of those that are missing are flagged. */
  readonly flagMissingOf?: number;
}

/** @throws {PipelineError} MalformedFile, WrongDeclination, InvalidParams */
export function planConversion(files: readonly Uvh5File[], options: PlanOptions): ConversionPlan {
  const declinationRad = checkGroup(files, options.expectedDeclinationRad);
  const first = files[0]!;
  const { flagMissingOf = files.length } = options;
  return {
    files,
    axis:
      files.length < flagMissingOf
        ? mergeAroundMissing(files, flagMissingOf)
        : mergeSubbands(files),
    polarizations: polarizationOrder(first.path, first.header.polarizationCodes),
    geometry: planGeometry(first, options),
    declinationRad,
  };
}
