/**
 * Validates one image: finds its sources blindly and compares them with the reference catalogue.
 *
 * Sources are sought in the uncorrected image, where noise is even. Writes the comparison as JSON,
 * CSV and a FITS table; the verdict uses VALIDATION_LIMITS.
 */
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { DEGREE_RAD, findSources, measureNoiseMap, noiseAt, skyToPixel } from "@contimg/astro";
import { writeFitsTable } from "@contimg/formats";
import { z } from "zod";

import { sourcesInField } from "../imaging/catalog-field.ts";
import { toCsv } from "../imaging/csv.ts";
import { openCatalog, openField, type OpenedField, readImage } from "../imaging/open-field.ts";
import {
  type Detection,
  matchDetections,
  summarize,
  type ValidatedSource,
} from "../imaging/validate.ts";
import { referenceCatalogPath, validationPath } from "../products/paths.ts";
import { measured } from "../quality/measured.ts";
import type { Json, Output, RunContext, Stage, StageResult } from "../stage.ts";
import { groupIdParam, pathParam } from "../stage-params.ts";

const paramsSchema = z.strictObject({
  group_id: groupIdParam,
  /** Absolute paths; found in the registry and the data root when absent. */
  image_path: pathParam.optional(),
  primary_beam_path: pathParam.optional(),
  psf_path: pathParam.optional(),
  catalog_path: pathParam.optional(),
  /** Below what is counted as false, so that noise hides few sources above that. */
  threshold_sigma: z.number().min(3).max(50).default(4.25),
  /** Detections without a catalogue source are counted from here on. */
  counted_sigma: z.number().min(3).max(50).default(5),
  /** Side of the boxes in which noise is measured: many beams, so that it is known to 2 %. */
  noise_box_pixels: z.int().min(16).max(1024).default(192),
  /** Side of the boxes in which holes are looked for: a few beams. */
  hole_box_pixels: z.int().min(16).max(1024).default(48),
  /** Half a beam: noise moves a source of 5 sigma by up to 13 arcsec along it. */
  match_radius_arcsec: z.number().positive().max(60).default(17),
  /** Sources where the beam's response is lower are left alone. */
  primary_beam_min: z.number().gt(0).max(1).default(0.3),
  judged_snr_min: z.number().positive().default(8),
});

export type ValidationParams = z.infer<typeof paramsSchema>;
export type ValidationInputs = {
  [Name in keyof ValidationParams]-?: NonNullable<ValidationParams[Name]>;
};

export const validationStage: Stage<ValidationParams, ValidationInputs, Json> = {
  name: "validation",
  packages: [],
  params: paramsSchema,

  async resolve(params, lookup) {
    const group = params.group_id;
    return {
      ...params,
      image_path: params.image_path ?? (await lookup.find("image", group)),
      primary_beam_path: params.primary_beam_path ?? (await lookup.find("primary-beam", group)),
      psf_path: params.psf_path ?? (await lookup.find("psf", group)),
      catalog_path: params.catalog_path ?? referenceCatalogPath(lookup.dataRoot),
    };
  },

  /** A line of about 150 bytes a detection in each of three files; ten thousand are plenty. */
  outputBytes: () => 5_000_000,

  async run(inputs, context) {
    const opened = await openField(inputs.image_path, inputs.primary_beam_path);
    const psf = await readImage(inputs.psf_path);
    context.signal.throwIfAborted();
    context.progress(0.2, "finding sources");
    const { image, field, kernel } = opened;
    const detections = findSources(image, {
      kernel,
      thresholdSigma: inputs.threshold_sigma,
      noiseBoxPixels: inputs.noise_box_pixels,
      holeBoxPixels: inputs.hole_box_pixels,
      psf,
      response: field.response,
    });
    return compare(inputs, context, opened, detections);
  },

  site: {
    files: () => [
      {
        name: "detections.json",
        what:
          "a list of what was found blindly in the uncorrected image: ra_deg, dec_deg, peak_jy " +
          "(Jy/beam), snr, local_rms_jy",
        isRequired: true,
      },
    ],
    async adopt(inputs, _report, context) {
      const opened = await openField(inputs.image_path, inputs.primary_beam_path);
      const path = join(context.stageFolder, "detections.json");
      const found = detectionsSchema.parse(JSON.parse(await readFile(path, "utf8")));
      const detections = found.flatMap((one) => {
        const place = { raRad: one.ra_deg * DEGREE_RAD, decRad: one.dec_deg * DEGREE_RAD };
        const pixel = skyToPixel(opened.field.wcs, place);
        const { peak_jy: amplitude, snr, local_rms_jy: localRms } = one;
        return pixel === undefined ? [] : [{ ...pixel, amplitude, snr, localRms }];
      });
      await rm(path);
      return compare(inputs, context, opened, detections);
    },
  },
};

const detectionsSchema = z.array(
  z.strictObject({
    ra_deg: z.number(),
    dec_deg: z.number().min(-90).max(90),
    peak_jy: z.number(),
    snr: z.number(),
    local_rms_jy: z.number().positive(),
  }),
);

/** What was found against the catalogue. */
async function compare(
  inputs: ValidationInputs,
  context: RunContext,
  { image, field, midMjd }: OpenedField,
  detections: readonly Detection[],
): Promise<StageResult> {
  context.progress(0.9, "comparing with the catalogue");
  const options = {
    matchRadiusArcsec: inputs.match_radius_arcsec,
    responseMin: inputs.primary_beam_min,
    judgedSnrMin: inputs.judged_snr_min,
    countedSnrMin: inputs.counted_sigma,
  };
  const catalog = openCatalog(inputs.catalog_path);
  const expected = sourcesInField(catalog, field, inputs.primary_beam_min);
  const validated = matchDetections(detections, expected, field, options);
  const noise = measureNoiseMap(image, inputs.noise_box_pixels);
  const rmsAt = (x: number, y: number): number => noiseAt(noise, image, x, y).rms;
  const summary = summarize(validated, expected, rmsAt, options);
  const quality = measured({ ...summary });
  const result = { ...summary, frequency_hz: field.frequencyHz, mid_mjd: midMjd };
  await writeFiles(context.stageFolder, validated, result);
  return { outputs: outputsOf(inputs.group_id, result), quality, result };
}

const COLUMNS = [
  "ra_deg",
  "dec_deg",
  "flux_jy",
  "snr",
  "local_rms_jy",
  "catalog_name",
  "flux_ratio",
  "east_arcsec",
  "north_arcsec",
] as const;
const UNITS = ["deg", "deg", "Jy", "", "Jy/beam", "", "", "arcsec", "arcsec"] as const;

type Row = Readonly<Record<(typeof COLUMNS)[number], string | number | null>>;

function toRow(source: ValidatedSource): Row {
  return {
    ra_deg: (source.raRad * 180) / Math.PI,
    dec_deg: (source.decRad * 180) / Math.PI,
    flux_jy: source.fluxJy,
    snr: source.snr,
    local_rms_jy: source.localRmsJy,
    catalog_name: source.match?.name ?? null,
    flux_ratio: source.match?.fluxRatio ?? null,
    east_arcsec: source.match?.eastArcsec ?? null,
    north_arcsec: source.match?.northArcsec ?? null,
  };
}

async function writeFiles(
  folder: string,
  validated: readonly ValidatedSource[],
  summary: Readonly<Record<string, unknown>>,
): Promise<void> {
  const rows = validated.map(toRow);
  const report = { ...summary, sources: rows };
  await writeFile(join(folder, "validation.json"), `${JSON.stringify(report, null, 2)}\n`);
  await writeFile(join(folder, "validation.csv"), toCsv(COLUMNS, rows));
  await writeFitsTable(
    join(folder, "validation.fits"),
    "SOURCES",
    COLUMNS.map((name, index) => {
      const unit = UNITS[index] === "" ? {} : { unit: UNITS[index]! };
      if (name === "catalog_name") {
        return { name, values: rows.map((row) => String(row[name] ?? "")) };
      }
      return { name, ...unit, values: Float64Array.from(rows, (row) => Number(row[name] ?? NaN)) };
    }),
  );
}

function outputsOf(groupId: string, metadata: Readonly<Record<string, Json>>): Output[] {
  return ["json", "csv", "fits"].map((extension) => ({
    kind: "validation",
    stagePath: `validation.${extension}`,
    finalPath: validationPath(groupId, extension),
    metadata: extension === "json" ? metadata : {},
  }));
}
