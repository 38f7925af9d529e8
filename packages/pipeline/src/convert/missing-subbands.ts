/**
 * The frequency axis of a group of which files are missing: as wide as if all were there. The
 * channels of the missing ones hold nothing, so everything that comes after sees one band.
 *
 * Where no frequency tells that a file is missing, at the ends of the band, only its number does:
 * subband 0 is the highest. The numbers are checked against the frequencies of the files.
 */
import { PipelineError } from "../errors.ts";
import { parseSubbandPath, subbandCode } from "../groups/subband-file.ts";
import { checkWidth, malformed, SPACING_TOLERANCE, spacingOf, toBand } from "./subband-axis.ts";
import type { Band, SubbandAxis, SubbandHeader } from "./subband-axis.ts";

interface NumberedBand extends Band {
  readonly subband: number;
}

/**
 * @param expectedCount files of a whole group
 * @throws {PipelineError} MalformedFile; InvalidParams for a file whose name tells no subband
 */
export function mergeAroundMissing(
  subbands: readonly SubbandHeader[],
  expectedCount: number,
): SubbandAxis {
  const bands = subbands.map(({ path, header }, fileIndex) => ({
    ...toBand(path, header, fileIndex),
    subband: numberOf(path, expectedCount),
  }));
  const first = bands[0];
  if (first === undefined) throw new RangeError("a group without files has no frequency axis");
  const channelCount = first.ascendingHz.length;
  const stepHz = spacingOf(first) ?? first.widthHz;
  const startHz = (subband: number): number =>
    first.ascendingHz[0]! + (first.subband - subband) * channelCount * stepHz;
  const firstChannelOf = (subband: number): number => (expectedCount - 1 - subband) * channelCount;
  for (const band of bands) checkPlace(band, first, startHz(band.subband), stepHz);
  const present = new Map(bands.map((band) => [band.subband, band]));
  if (present.size < bands.length) throw twice(bands);
  const all = Array.from({ length: expectedCount }, (_, subband) => subband);
  const frequencyHz = new Float64Array(expectedCount * channelCount);
  for (const subband of all) {
    const assumed = Float64Array.from(
      { length: channelCount },
      (_, channel) => startHz(subband) + channel * stepHz,
    );
    frequencyHz.set(present.get(subband)?.ascendingHz ?? assumed, firstChannelOf(subband));
  }
  const places = bands
    .map(({ path, fileIndex, isDescending, subband }) => ({
      ...{ path, fileIndex, isDescending, channelCount },
      firstChannel: firstChannelOf(subband),
    }))
    .toSorted((a, b) => a.firstChannel - b.firstChannel);
  const missing = all.filter((subband) => !present.has(subband));
  return { frequencyHz, channelWidthHz: first.widthHz, places, missing };
}

function numberOf(path: string, expectedCount: number): number {
  const subband = parseSubbandPath(path)?.subbandIndex;
  if (subband !== undefined && subband < expectedCount) return subband;
  const last = subbandCode(expectedCount - 1);
  throw new PipelineError(
    "InvalidParams",
    `${path}: its name tells none of the subbands sb00 to ${last}, so nobody knows where the ` +
      "missing ones are",
    { path, field: "input_paths", expectedCount },
  );
}

function checkPlace(band: NumberedBand, first: NumberedBand, startHz: number, stepHz: number) {
  checkWidth(band, first);
  if (band.ascendingHz.length !== first.ascendingHz.length) {
    throw malformed(
      band.path,
      `has ${band.ascendingHz.length} channels, expected ${first.ascendingHz.length} as in ` +
        first.path,
    );
  }
  if (Math.abs(band.ascendingHz[0]! - startHz) <= SPACING_TOLERANCE * stepHz) return;
  throw malformed(
    band.path,
    `starts at ${band.ascendingHz[0]} Hz, expected ${startHz} Hz from ${first.path} and the ` +
      "numbers of the two",
  );
}

function twice(bands: readonly NumberedBand[]): PipelineError {
  const index = bands.findIndex(
    (band, at) => bands.findIndex((b) => b.subband === band.subband) < at,
  );
  return malformed(bands[index]!.path, "is that of another file of the group");
}
