/** What a tile is solved against: which calibrator, which sources beside it, and why those. */
import { DEGREE_RAD, type RaDec, sourceAtPhaseCenter } from "@contimg/astro";
import { readReferenceCatalog } from "@contimg/formats";

import { vlaCalibrators } from "../calibrators/in-beam.ts";
import { CALIBRATOR_LIMITS, describeCalibrator, qualityLetter } from "../calibrators/rank.ts";
import { PipelineError } from "../errors.ts";
import { pointingOf } from "./pointing.ts";
import { chooseCalibrator, driftModel, fieldModel, tileOf } from "./sky-model.ts";
import type { SolveOptions } from "./solve-gains.ts";
import type { VisibilitySet } from "./visibility-set.ts";

export interface SkyWishes {
  readonly pointing: "drift" | "tracking";
  /** Of the source that a tracking antenna follows. */
  readonly flux_jy: number | null;
  /** By name; the best in the beam when null. */
  readonly calibrator: string | null;
  /** J2000 names that are not to be chosen. */
  readonly skip_calibrators: readonly string[];
  readonly apparent_flux_min_jy: number;
  readonly beam_response_min: number;
  readonly calibrator_qualities: string;
  /** Null: the calibrator alone. */
  readonly catalog_path: string | null;
  readonly field_flux_fraction: number;
  readonly field_sources_max: number;
}

export interface SolveSky {
  readonly declinationRad: number;
  readonly modelOf: SolveOptions["modelOf"];
  /** Of the model, in its order. */
  readonly sources: readonly RaDec[];
  /** For the table's metadata. */
  readonly facts: {
    readonly calibrator: string;
    readonly calibrator_apparent_jy: number;
    readonly calibrator_beam_response: number;
    readonly calibrator_off_axis_deg: number;
    readonly model_source_count: number;
    /** Share of the field's catalog flux, as the beam shows it. */
    readonly model_flux_fraction: number;
    readonly model_flux_limit_jy: number;
    /** Other usable calibrators of the beam, best first. */
    readonly backup_calibrators: string[];
    /** Those that may not calibrate, each with the reason. */
    readonly refused_calibrators: string[];
  };
  readonly findings: readonly string[];
}

/** @throws {PipelineError} NoCalibrator */
export function skyOf(set: VisibilitySet, wishes: SkyWishes): SolveSky {
  if (wishes.pointing === "drift") return driftSky(set, wishes);
  if (wishes.flux_jy !== null) return trackedSky(set, wishes, wishes.flux_jy);
  throw new PipelineError("InvalidParams", "flux_jy is null, expected the tracked source's flux");
}

function trackedSky(set: VisibilitySet, wishes: SkyWishes, fluxJy: number): SolveSky {
  const antennaCount = set.antennas.names.length;
  const model = sourceAtPhaseCenter(fluxJy, antennaCount, set.frequencyHz.length);
  return {
    declinationRad: pointingOf(set).declinationRad,
    modelOf: () => model,
    sources: [set.field],
    facts: {
      calibrator: wishes.calibrator ?? set.field.name,
      calibrator_apparent_jy: fluxJy,
      calibrator_beam_response: 1,
      calibrator_off_axis_deg: 0,
      model_source_count: 1,
      model_flux_fraction: 1,
      model_flux_limit_jy: fluxJy,
      backup_calibrators: [],
      refused_calibrators: [],
    },
    findings: [],
  };
}

function driftSky(set: VisibilitySet, wishes: SkyWishes): SolveSky {
  const pointing = pointingOf(set);
  const tile = tileOf(set, pointing);
  const { chosen, backups, refused } = chooseCalibrator(
    vlaCalibrators().filter(({ name }) => !wishes.skip_calibrators.includes(name)),
    wishes.calibrator ?? undefined,
    tile,
    {
      apparentFluxMinJy: wishes.apparent_flux_min_jy,
      beamResponseMin: wishes.beam_response_min,
      qualities: wishes.calibrator_qualities,
    },
  );
  const catalog = wishes.catalog_path === null ? [] : readReferenceCatalog(wishes.catalog_path);
  const model = fieldModel(catalog, chosen, tile, {
    fluxFraction: wishes.field_flux_fraction,
    sourcesMax: wishes.field_sources_max,
  });
  const letter = qualityLetter(chosen.calibrator);
  return {
    declinationRad: pointing.declinationRad,
    modelOf: driftModel(set, pointing, model.sources),
    sources: model.sources,
    facts: {
      calibrator: chosen.calibrator.name,
      calibrator_apparent_jy: chosen.apparentFluxJy,
      calibrator_beam_response: chosen.beamResponse,
      calibrator_off_axis_deg: chosen.offAxisRad / DEGREE_RAD,
      model_source_count: model.sources.length,
      model_flux_fraction: model.fluxFraction,
      model_flux_limit_jy: model.fluxLimitJy,
      backup_calibrators: backups.map(describeCalibrator),
      refused_calibrators: [...refused],
    },
    findings: CALIBRATOR_LIMITS.qualities.includes(letter)
      ? []
      : [
          `calibrator ${chosen.calibrator.name} was named although its quality in the VLA's ` +
            `C configuration is ${letter}, expected one of ${CALIBRATOR_LIMITS.qualities}`,
        ],
  };
}
