/**
 * Forced photometry of one tile: the flux of every catalogue source in the corrected image.
 *
 * Writes CSV and JSON, and registers what the catalogue says of each source in contimg.sources and
 * one row a source in contimg.measurements.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import {
  type ForcedMeasurement,
  measureForced,
  medianOf,
  pixelToSky,
  placeErrorRad,
  separationRad,
} from "@contimg/astro";
import { z } from "zod";

import { type FieldSource, sourcesInField } from "../imaging/catalog-field.ts";
import { toCsv } from "../imaging/csv.ts";
import { openCatalog, openField, type OpenedField } from "../imaging/open-field.ts";
import { photometryPath, referenceCatalogPath } from "../products/paths.ts";
import { measured } from "../quality/measured.ts";
import type { Json, Output, QualityVerdict, RunContext, Stage, StageResult } from "../stage.ts";
import { groupIdParam, pathParam } from "../stage-params.ts";

const paramsSchema = z.strictObject({
  group_id: groupIdParam,
  /** Absolute paths; found in the registry and the data root when absent. */
  corrected_image_path: pathParam.optional(),
  primary_beam_path: pathParam.optional(),
  catalog_path: pathParam.optional(),
  /** Sources where the beam's response is lower are not measured. */
  primary_beam_min: z.number().gt(0).max(1).default(0.3),
});

export type PhotometryParams = z.infer<typeof paramsSchema>;
export type PhotometryInputs = {
  [Name in keyof PhotometryParams]-?: NonNullable<PhotometryParams[Name]>;
};

/** One row of contimg.measurements but for its keys; units in the names. */
interface Measurement {
  readonly source_name: string;
  /** The catalogue's position, where the flux was measured. */
  readonly ra_deg: number;
  readonly dec_deg: number;
  readonly mjd: number;
  readonly frequency_hz: number;
  readonly flux_jy: number;
  readonly flux_error_jy: number;
  readonly snr: number;
  readonly local_rms_jy: number;
  readonly catalog_flux_jy: number;
  readonly offset_arcsec: number | null;
  /** What noise alone lets expect of it, rms. */
  readonly offset_error_arcsec: number | null;
  readonly [column: string]: string | number | null;
}

/** One row of contimg.sources: what the catalogue says of a measured source. */
interface SourceFacts {
  readonly source_name: string;
  readonly ra_deg: number;
  readonly dec_deg: number;
  /** At the catalogue's own frequency. */
  readonly flux_jy: number;
  readonly reference_frequency_hz: number;
  readonly spectral_index: number;
  readonly [column: string]: string | number;
}

type PhotometryResult = {
  sources: SourceFacts[];
  measurements: Measurement[];
  skipped_count: number;
};

const ARCSEC_PER_RAD = (180 / Math.PI) * 3600;
const RATIO_SNR_MIN = 8;

export const photometryStage: Stage<PhotometryParams, PhotometryInputs, PhotometryResult> = {
  name: "photometry",
  packages: [],
  params: paramsSchema,

  async resolve(params, lookup) {
    const group = params.group_id;
    return {
      ...params,
      corrected_image_path:
        params.corrected_image_path ?? (await lookup.find("corrected-image", group)),
      primary_beam_path: params.primary_beam_path ?? (await lookup.find("primary-beam", group)),
      catalog_path: params.catalog_path ?? referenceCatalogPath(lookup.dataRoot),
    };
  },

  /** About 400 bytes a source in two files; ten thousand are plenty. */
  outputBytes: () => 5_000_000,

  async run(inputs, context) {
    const opened = await openField(inputs.corrected_image_path, inputs.primary_beam_path);
    context.signal.throwIfAborted();
    const { field } = opened;
    context.progress(0.4, "measuring catalogue sources");
    const catalog = openCatalog(inputs.catalog_path);
    const sources = sourcesInField(catalog, field, inputs.primary_beam_min);
    const forced = measureForced(
      opened.image,
      opened.kernel,
      sources.map(({ pixel }) => pixel),
      field.response.map((response) => 1 / response),
    );
    // At the edge of the corrected image too few pixels have values.
    const measured = sources
      .map((source, index) => ({ source, forced: forced[index]! }))
      .filter((each) => Number.isFinite(each.forced.flux));
    const measurements = measured.map((each) => toRow(each.source, each.forced, opened));
    const result = {
      sources: measured.map((each) => factsOf(each.source)),
      measurements,
      skipped_count: sources.length - measurements.length,
    };
    return finish(inputs, context, opened, result);
  },

  site: {
    files: () => [
      {
        name: "phot.json",
        what: "sources, measurements and skipped_count as this stage writes them",
        isRequired: true,
      },
    ],
    async adopt(inputs, _report, context) {
      const opened = await openField(inputs.corrected_image_path, inputs.primary_beam_path);
      const text = await readFile(join(context.stageFolder, "phot.json"), "utf8");
      const { sources, measurements, skipped_count } = resultSchema.parse(JSON.parse(text));
      return finish(inputs, context, opened, { sources, measurements, skipped_count });
    },
  },

  async register(transaction, { group_id: groupId }, { sources, measurements }) {
    // In order of name, so that tiles that share sources do not wait for each other in a circle.
    await transaction.query(
      `insert into contimg.sources as known (
         source_name, ra_deg, dec_deg, flux_jy, reference_frequency_hz, spectral_index)
       select s.source_name, s.ra_deg, s.dec_deg, s.flux_jy, s.reference_frequency_hz,
              s.spectral_index
         from jsonb_to_recordset($1) as s (
                source_name text, ra_deg float8, dec_deg float8, flux_jy float8,
                reference_frequency_hz float8, spectral_index float8)
        order by s.source_name
       on conflict (source_name) do update
          set ra_deg = excluded.ra_deg,
              dec_deg = excluded.dec_deg,
              flux_jy = excluded.flux_jy,
              reference_frequency_hz = excluded.reference_frequency_hz,
              spectral_index = excluded.spectral_index
        where known is distinct from excluded`,
      [JSON.stringify(sources)],
    );
    await transaction.query("delete from contimg.measurements where group_id = $1", [groupId]);
    await transaction.query(
      `insert into contimg.measurements (
         group_id, source_name, ra_deg, dec_deg, mjd, frequency_hz, flux_jy, flux_error_jy, snr,
         local_rms_jy, catalog_flux_jy, offset_arcsec, offset_error_arcsec)
       select $1, m.source_name, m.ra_deg, m.dec_deg, m.mjd, m.frequency_hz, m.flux_jy,
              m.flux_error_jy, m.snr, m.local_rms_jy, m.catalog_flux_jy, m.offset_arcsec,
              m.offset_error_arcsec
         from jsonb_to_recordset($2) as m (
                source_name text, ra_deg float8, dec_deg float8, mjd float8, frequency_hz float8,
                flux_jy float8, flux_error_jy float8, snr float8, local_rms_jy float8,
                catalog_flux_jy float8, offset_arcsec float8, offset_error_arcsec float8)`,
      [groupId, JSON.stringify(measurements)],
    );
  },
};

function factsOf({ source }: FieldSource): SourceFacts {
  return {
    source_name: source.name,
    ra_deg: (source.raRad * 180) / Math.PI,
    dec_deg: (source.decRad * 180) / Math.PI,
    flux_jy: source.fluxJy,
    reference_frequency_hz: source.referenceFrequencyHz,
    spectral_index: source.spectralIndex,
  };
}

function toRow(
  { source, fluxJy }: FieldSource,
  measured: ForcedMeasurement,
  { field, midMjd, beam }: OpenedField,
): Measurement {
  const fitted = measured.centroid && pixelToSky(field.wcs, measured.centroid);
  const offsetRad =
    fitted && separationRad(source.raRad, source.decRad, fitted.raRad, fitted.decRad);
  return {
    source_name: source.name,
    ra_deg: (source.raRad * 180) / Math.PI,
    dec_deg: (source.decRad * 180) / Math.PI,
    mjd: midMjd,
    frequency_hz: field.frequencyHz,
    flux_jy: measured.flux,
    flux_error_jy: measured.fluxError,
    snr: measured.snr,
    local_rms_jy: measured.localRms,
    catalog_flux_jy: fluxJy,
    offset_arcsec: offsetRad === undefined ? null : offsetRad * ARCSEC_PER_RAD,
    offset_error_arcsec:
      offsetRad === undefined
        ? null
        : placeErrorRad(beam, measured.flux / measured.localRms) * ARCSEC_PER_RAD,
  };
}

const COLUMNS = [
  "source_name",
  "ra_deg",
  "dec_deg",
  "mjd",
  "frequency_hz",
  "flux_jy",
  "flux_error_jy",
  "snr",
  "local_rms_jy",
  "catalog_flux_jy",
  "offset_arcsec",
  "offset_error_arcsec",
] as const;

async function writeFiles(
  folder: string,
  groupId: string,
  result: PhotometryResult,
): Promise<void> {
  const report = { group_id: groupId, ...result };
  await writeFile(join(folder, "phot.json"), `${JSON.stringify(report, null, 2)}\n`);
  await writeFile(join(folder, "phot.csv"), toCsv(COLUMNS, result.measurements));
}

async function finish(
  inputs: PhotometryInputs,
  context: RunContext,
  opened: OpenedField,
  result: PhotometryResult,
): Promise<StageResult<PhotometryResult>> {
  await writeFiles(context.stageFolder, inputs.group_id, result);
  const quality = measure(result.measurements);
  return { outputs: outputsOf(inputs.group_id, quality, opened), quality, result };
}

/** Of what another program wrote: the columns of the two tables, and nothing else. */
const resultSchema = z.object({
  sources: z.array(
    z.strictObject({
      source_name: z.string().min(1),
      ra_deg: z.number(),
      dec_deg: z.number(),
      flux_jy: z.number(),
      reference_frequency_hz: z.number().positive(),
      spectral_index: z.number(),
    }),
  ),
  measurements: z.array(
    z.strictObject({
      source_name: z.string().min(1),
      ra_deg: z.number(),
      dec_deg: z.number(),
      mjd: z.number(),
      frequency_hz: z.number().positive(),
      flux_jy: z.number(),
      flux_error_jy: z.number(),
      snr: z.number(),
      local_rms_jy: z.number(),
      catalog_flux_jy: z.number(),
      offset_arcsec: z.number().nullable(),
      offset_error_arcsec: z.number().positive().nullable().default(null),
    }),
  ),
  skipped_count: z.int().nonnegative(),
});

/** A flux scale that is off shows here first. */
function measure(measurements: readonly Measurement[]): QualityVerdict {
  const ratios = measurements
    .filter(({ snr }) => snr >= RATIO_SNR_MIN)
    .map(({ flux_jy: flux, catalog_flux_jy: catalog }) => flux / catalog);
  return measured({
    measurement_count: measurements.length,
    judged_count: ratios.length,
    median_flux_ratio: medianOf(ratios),
  });
}

function outputsOf(groupId: string, quality: QualityVerdict, { midMjd }: OpenedField): Output[] {
  const metadata: Record<string, Json> = { ...quality.metrics, mid_mjd: midMjd };
  return ["json", "csv"].map((extension) => ({
    kind: "photometry",
    stagePath: `phot.${extension}`,
    finalPath: photometryPath(groupId, extension),
    metadata: extension === "json" ? metadata : {},
  }));
}
