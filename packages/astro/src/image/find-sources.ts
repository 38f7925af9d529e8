/**
 * Blind source finding: peaks above the local threshold, each fitted with the restoring beam.
 *
 * The threshold at a pixel is `thresholdSigma` times the local noise or, beside holes that are too
 * deep for noise, HOLE_MARGIN times the deepest. Errors of gain, beam or deconvolution make holes as
 * deep as the false peaks they make, while the sky has no negative sources: the holes say how far
 * peaks can be believed, whatever the cause. What a bright source can leave at a peak's very place
 * is looked at for itself (artefacts.ts).
 */
import { artefactTest } from "./artefacts.ts";
import { beamValue, type BeamKernel } from "./beam.ts";
import { fitComponents, type Component } from "./fit-gaussian.ts";
import { measureHoles, type HoleMap } from "./hole-map.ts";
import { measureNoiseMap, noiseAt, type NoiseMap } from "./noise-map.ts";
import { heightOfPeak, PIXEL_SHARE_MIN } from "./peak-height.ts";
import type { ImagePlane } from "./plane.ts";

export interface DetectedSource extends Component {
  /** Noise of the image around the source, in its unit. */
  readonly localRms: number;
  readonly snr: number;
}

export interface FinderOptions {
  readonly kernel: BeamKernel;
  readonly thresholdSigma: number;
  /** Side of the boxes in which noise is measured. */
  readonly noiseBoxPixels: number;
  /** Side of those in which holes are looked for; holes within three of them count. */
  readonly holeBoxPixels: number;
  /** Point spread function of the same image: unit peak in its middle. */
  readonly psf?: ImagePlane;
  /** Primary-beam response of each pixel; 1 everywhere when absent. */
  readonly response?: Float32Array;
}

/** Peaks are as trustworthy as holes of the same size; a little more is asked of them. */
const HOLE_MARGIN = 1.2;
/** Of the noise: in an image of 400,000 beams noise alone makes a few holes as deep. */
const HOLE_SIGMA_MIN = 5;
/** A peak needs its neighbors, and one more row beyond which sources may lie. */
const EDGE_PIXELS = 2;
/** Sources fainter than this many times the threshold leave nothing that matters. */
const BRIGHT_THRESHOLDS = 10;
/** Peaks whose beams overlap by more than this are fitted together. */
const OVERLAP_MIN = 0.02;
/**
 * Two equal beams have one peak until they are 0.85 FWHM apart (Sparrow's limit), where one is at
 * exp(−4 ln 2 · 0.85²) = 0.135 of the other: a second peak nearer than that is noise on the first.
 */
const SEPARATE_MAX = 0.135;
/** More peaks than this in one blend means artefacts; the brightest are kept. */
const BLEND_COMPONENTS_MAX = 12;
/**
 * Share of the threshold that a fitted amplitude must reach. Noise has the shape of the beam, so a
 * peak's height is the better measure of a faint source (scatter 0.97 of the noise, a fit's 1.19),
 * and it was above the threshold already. The fit only keeps out what is no beam at all.
 */
const FITTED_SHARE_MIN = 0.6;
/** A fit that walks further than this from its peak has found something else [beam value]. */
const WALK_BEAM_VALUE_MIN = 0.5;

/** @returns sources, brightest first */
export function findSources(plane: ImagePlane, options: FinderOptions): DetectedSource[] {
  const noise = measureNoiseMap(plane, options.noiseBoxPixels);
  const holes = measureHoles(plane, options.holeBoxPixels);
  const maps = { options, noise, holes };
  const peaks = rejectArtefacts(plane, findPeaks(plane, maps), maps);
  return groupByOverlap(dropNoisePeaks(peaks, options.kernel), options.kernel)
    .flatMap((group) => fitGroup(plane, group, maps))
    .sort((a, b) => b.amplitude - a.amplitude);
}

interface Maps {
  readonly options: FinderOptions;
  readonly noise: NoiseMap;
  readonly holes: HoleMap;
}

function thresholdAt(
  plane: ImagePlane,
  { options, noise, holes }: Maps,
  x: number,
  y: number,
): number {
  const { rms, background } = noiseAt(noise, plane, x, y);
  const hole = holes.depthAt(x, y);
  const believable = hole > HOLE_SIGMA_MIN * rms ? HOLE_MARGIN * hole : 0;
  return background + Math.max(options.thresholdSigma * rms, believable);
}

/** Peaks above the threshold, at the pixel that no neighbor exceeds. */
function findPeaks(plane: ImagePlane, maps: Maps): Component[] {
  const { width, height, pixels } = plane;
  // A lower bound of every threshold, to look up the maps for few pixels only.
  const floor =
    maps.options.thresholdSigma * minimum(maps.noise.rms) + minimum(maps.noise.background);
  const pixelMin = floor > 0 ? floor * PIXEL_SHARE_MIN : floor;
  const peaks: Component[] = [];
  for (let y = EDGE_PIXELS; y < height - EDGE_PIXELS; y++) {
    for (let x = EDGE_PIXELS; x < width - EDGE_PIXELS; x++) {
      const value = pixels[y * width + x]!;
      if (!(value > pixelMin && isPeak(plane, x, y))) continue;
      const amplitude = heightOfPeak(plane, x, y);
      if (amplitude > thresholdAt(plane, maps, x, y)) peaks.push({ amplitude, x, y });
    }
  }
  return peaks;
}

function rejectArtefacts(plane: ImagePlane, peaks: readonly Component[], maps: Maps): Component[] {
  const bright = peaks.filter(
    ({ amplitude, x, y }) => amplitude > BRIGHT_THRESHOLDS * thresholdAt(plane, maps, x, y),
  );
  const isArtefact = artefactTest(plane, maps.options.kernel, maps.options);
  return peaks.filter((peak) =>
    bright.every((source) => source === peak || !isArtefact(peak, source)),
  );
}

function isPeak({ width, pixels }: ImagePlane, x: number, y: number): boolean {
  const center = pixels[y * width + x]!;
  for (let dy = -1; dy <= 1; dy++) {
    for (let dx = -1; dx <= 1; dx++) {
      const neighbor = pixels[(y + dy) * width + x + dx]!;
      // Of equal neighbors the later one wins, so that a flat top is one peak.
      const later = dy > 0 || (dy === 0 && dx > 0);
      if (neighbor > center || (later && neighbor === center)) return false;
    }
  }
  return true;
}

function dropNoisePeaks(peaks: readonly Component[], kernel: BeamKernel): Component[] {
  const kept: Component[] = [];
  for (const peak of peaks.toSorted((a, b) => b.amplitude - a.amplitude)) {
    const nearer = kept.some(
      ({ x, y }) => beamValue(kernel, peak.x - x, peak.y - y) > SEPARATE_MAX,
    );
    if (!nearer) kept.push(peak);
  }
  return kept;
}

function groupByOverlap(peaks: readonly Component[], kernel: BeamKernel): Component[][] {
  const waiting = [...peaks].sort((a, b) => b.amplitude - a.amplitude);
  const groups: Component[][] = [];
  while (waiting.length > 0) {
    const group = [waiting.shift()!];
    for (const member of group) {
      for (let index = waiting.length - 1; index >= 0; index--) {
        const other = waiting[index]!;
        // Two beams overlap as one beam of twice the variance does.
        const overlap = Math.sqrt(beamValue(kernel, other.x - member.x, other.y - member.y));
        if (overlap > OVERLAP_MIN) group.push(...waiting.splice(index, 1));
      }
    }
    group.sort((a, b) => b.amplitude - a.amplitude);
    groups.push(group.slice(0, BLEND_COMPONENTS_MAX));
  }
  return groups;
}

/** Fits, drops the weakest component that is no source by its fit, and fits again. */
function fitGroup(plane: ImagePlane, group: readonly Component[], maps: Maps): DetectedSource[] {
  const { kernel } = maps.options;
  let peaks = [...group];
  while (peaks.length > 0) {
    const { background } = noiseAt(maps.noise, plane, peaks[0]!.x, peaks[0]!.y);
    const { components } = fitComponents(plane, kernel, peaks, background);
    const doubtful = components.findIndex((component, index) => {
      const peak = peaks[index]!;
      const walked = beamValue(kernel, component.x - peak.x, component.y - peak.y);
      const wanted = thresholdAt(plane, maps, peak.x, peak.y) - background;
      const believed = component.amplitude > FITTED_SHARE_MIN * wanted;
      return !(walked > WALK_BEAM_VALUE_MIN && believed && isInside(plane, component));
    });
    if (doubtful < 0) return components.map((component) => toSource(plane, component, maps.noise));
    peaks = peaks.filter((_, index) => index !== doubtful);
  }
  return [];
}

/** Noise on the wing of a source beyond the edge fits that source. */
function isInside({ width, height }: ImagePlane, { x, y }: Component): boolean {
  return x >= 0 && x <= width - 1 && y >= 0 && y <= height - 1;
}

function toSource(plane: ImagePlane, component: Component, noise: NoiseMap): DetectedSource {
  const localRms = noiseAt(noise, plane, component.x, component.y).rms;
  return { ...component, localRms, snr: component.amplitude / localRms };
}

function minimum(values: Float64Array): number {
  return values.reduce((least, value) => Math.min(least, value), Infinity);
}
