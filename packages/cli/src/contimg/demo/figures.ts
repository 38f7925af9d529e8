/** What images must be worth, each figure against its target: for demo, soak and bench. Pure. */
import { STRONG_ERROR_ARCSEC, type Summary } from "./compare.ts";

export interface Figure {
  readonly figure: string;
  /** Null when nothing could be measured, which meets no target. */
  readonly value: number | null;
  readonly target: string;
  readonly isMet: boolean;
  /** Of what was found blindly, which depends on how much of the field was imaged, and how deep. */
  readonly isOfDetection?: boolean;
}

const LIMITS = {
  fluxOff: 0.01,
  fluxPullStd: 1.3,
  offsetArcsec: 0.3,
  faintShare: 0.9,
  falseATile: 2,
};

export function atMost(figure: string, value: number | null, limit: number, unit = ""): Figure {
  const isMet = value !== null && value <= limit;
  return { figure, value, target: `at most ${limit}${unit}`, isMet };
}

/** @param tileCount of the summary */
export function truthFigures(summary: Summary, tileCount: number): Figure[] {
  const { medianFluxRatio: ratio, found, injectedAbove8Sigma: bright } = summary;
  return [
    {
      figure: "median flux ratio above 8 σ",
      value: ratio,
      target: `1 ± ${LIMITS.fluxOff}`,
      isMet: ratio !== null && Math.abs(ratio - 1) <= LIMITS.fluxOff,
    },
    atMost("scatter of fluxes over the expected", summary.fluxPullStd, LIMITS.fluxPullStd),
    atMost(
      `position offset where noise lets expect ${STRONG_ERROR_ARCSEC}″ or less, rms`,
      summary.rmsOffsetArcsec,
      LIMITS.offsetArcsec,
      "″",
    ),
    {
      figure: "found above 8 σ",
      value: share(found, bright),
      target: "all",
      isMet: bright > 0 && found === bright,
      isOfDetection: true,
    },
    {
      ...atMost(
        "false detections above 5 σ, a tile",
        share(summary.falseDetections, tileCount),
        LIMITS.falseATile,
      ),
      isOfDetection: true,
    },
    ...faintFigure(summary),
  ];
}

/** Where too few are between 5 and 8 σ, chance would judge. */
function faintFigure({ foundFaint, injectedFaint }: Summary): Figure[] {
  if (injectedFaint < FAINT_COUNT_MIN) return [];
  const found = foundFaint / injectedFaint;
  return [
    {
      figure: "found from 5 to 8 σ",
      value: found,
      target: `at least ${LIMITS.faintShare}`,
      isMet: found >= LIMITS.faintShare,
      isOfDetection: true,
    },
  ];
}

const FAINT_COUNT_MIN = 50;

function share(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

/** What a summary says, for people; one line a quantity. */
export function summaryLines(summary: Summary): string[] {
  const { found, injectedAbove8Sigma: bright, falseDetections } = summary;
  const ratio = `${format(summary.medianFluxRatio, 3)} ± ${format(summary.fluxRatioStd, 3)}`;
  const [median, rms] = [summary.medianOffsetArcsec, summary.rmsOffsetArcsec];
  return [
    `flux, measured over injected: ${ratio} (median, standard deviation); scatter over the ` +
      `expected ${format(summary.fluxPullStd, 2)}`,
    `position offset: ${format(median, 2)}″ (median), ${format(rms, 2)}″ (rms) where noise lets ` +
      `expect ${STRONG_ERROR_ARCSEC}″ or less; over the expected ${format(summary.offsetPull, 2)}`,
    `found blindly: ${found} of ${bright} above 8 σ, ${summary.foundFaint} of ` +
      `${summary.injectedFaint} from 5 to 8 σ; ${falseDetections} false detections above 5 σ`,
  ];
}

function format(value: number | null, digits: number): string {
  return value === null ? "–" : value.toFixed(digits);
}

/** A sentence on a figure that misses its target. */
export function figureText({ figure, value, target }: Figure): string {
  return `${figure}: ${value === null ? "not measured" : value.toFixed(3)}, expected ${target}`;
}
