/**
 * WSClean's standard output as progress and facts.
 *
 * The lines are those of WSClean 3.1. Anything not recognised is passed over: a line that changes
 * in a later version costs progress, never an image.
 */

export interface WscleanSummary {
  readonly visibilityCount: number | undefined;
  readonly majorIterationCount: number;
  readonly minorIterationCount: number;
  /** Of the first residual that CLEAN was given, which is the dirty image [Jy/beam]. */
  readonly dirtyPeakJy: number | undefined;
  /** WSClean's own estimate of the noise in the last residual [Jy/beam]. */
  readonly noiseJy: number | undefined;
  /** The text of the exception that ended it. */
  readonly failure: string | undefined;
}

export interface WscleanProgress {
  /** 0…1, never falling. */
  readonly fraction: number;
  readonly note: string;
}

/** What a fluctuating number of major iterations is taken to be, for the estimate. */
const MAJOR_ITERATIONS_TYPICAL = 4;
/**
 * A residual peak this many times that of the major iteration before is growing: where it converges
 * a major iteration divides the peak, and at its end leaves it about where it was.
 */
const GROWTH = 2;
const UNIT_JY: Readonly<Record<string, number>> = {
  Jy: 1,
  mJy: 1e-3,
  µJy: 1e-6,
  nJy: 1e-9,
  KJy: 1e3,
  kJy: 1e3,
};

export class WscleanLog {
  #fraction = 0;
  #majorIteration = 0;
  #minorIterationCount = 0;
  #visibilityCount: number | undefined;
  #noiseJy: number | undefined;
  #failure: string | undefined;
  #peaksJy: number[] = [];
  #divergence: string | undefined;

  /** Says how CLEAN runs away, as soon as it does. */
  get divergence(): string | undefined {
    return this.#divergence;
  }

  get summary(): WscleanSummary {
    return {
      visibilityCount: this.#visibilityCount,
      majorIterationCount: this.#majorIteration,
      minorIterationCount: this.#minorIterationCount,
      dirtyPeakJy: this.#peaksJy[0],
      noiseJy: this.#noiseJy,
      failure: this.#failure,
    };
  }

  static writesImage(line: string): boolean {
    return line.startsWith("Writing restored image...");
  }

  /** @returns progress when the line tells some */
  read(line: string): WscleanProgress | undefined {
    this.#readFacts(line);
    const step = this.#stepOf(line);
    if (step === undefined) return undefined;
    this.#fraction = Math.max(this.#fraction, step.fraction);
    return { fraction: this.#fraction, note: step.note };
  }

  #readFacts(line: string): void {
    const visibilities = /^Gridded visibility count: ([\d.e+]+)/.exec(line)?.[1];
    if (visibilities !== undefined) this.#visibilityCount = Number(visibilities);
    const iterations = /^Performed (\d+) iterations in total/.exec(line)?.[1];
    if (iterations !== undefined) this.#minorIterationCount = Number(iterations);
    const noise = /background noise: ([\d.]+) (\S?Jy)/.exec(line);
    const unitJy = UNIT_JY[noise?.[2] ?? ""];
    if (noise !== null && unitJy !== undefined) this.#noiseJy = Number(noise[1]) * unitJy;
    this.#readPeak(line);
    const failure = /^\+ >>> (.*)/.exec(line)?.[1];
    if (failure !== undefined) this.#failure = failure;
  }

  /** The residual's peak at the start of each major iteration, and at its end. */
  #readPeak(line: string): void {
    const found = /^(Initial peak:|Stopped on peak) (\S+?)(?: (\S?Jy))?(?:,| |$)/.exec(line);
    if (found === null) return;
    const [, moment, text] = found;
    const peakJy = Math.abs(Number(text)) * (UNIT_JY[found[3] ?? "Jy"] ?? NaN);
    const before = this.#peaksJy.at(-1);
    const isStart = moment === "Initial peak:";
    if (isStart) this.#peaksJy.push(peakJy);
    const at = `at the ${isStart ? "start" : "end"} of major iteration ${this.#majorIteration}`;
    if (!Number.isFinite(peakJy)) {
      this.#divergence ??= `the residual's peak is ${text!} ${at}`;
    } else if (before !== undefined && peakJy > GROWTH * before) {
      const grown = `from ${before.toPrecision(3)} to ${peakJy.toPrecision(3)} Jy`;
      this.#divergence ??= `the residual's peak grew ${grown} ${at}`;
    }
  }

  #stepOf(line: string): WscleanProgress | undefined {
    if (line.startsWith("Reordering ")) return { fraction: 0.02, note: "sorting visibilities" };
    if (line.includes("== Constructing PSF ==")) return { fraction: 0.05, note: "making the PSF" };
    if (line.includes("== Constructing image ==") && this.#majorIteration === 0) {
      return { fraction: 0.15, note: "making the dirty image" };
    }
    const major = /== Deconvolving \((\d+)\) ==/.exec(line)?.[1];
    if (major !== undefined) {
      this.#majorIteration = Number(major);
      return {
        fraction: deconvolutionFraction(this.#majorIteration - 1),
        note: `major iteration ${major} of about ${MAJOR_ITERATIONS_TYPICAL}`,
      };
    }
    if (line.includes("== Converting model image to visibilities ==")) {
      return {
        fraction: deconvolutionFraction(this.#majorIteration - 0.5),
        note: `predicting the model, major iteration ${this.#majorIteration}`,
      };
    }
    if (line.startsWith("Rendering sources")) return { fraction: 0.97, note: "restoring" };
    return undefined;
  }
}

/** From 0.25 towards 0.95; linear up to the typical number of iterations, slower beyond. */
function deconvolutionFraction(majorIterationsDone: number): number {
  const share = majorIterationsDone / MAJOR_ITERATIONS_TYPICAL;
  return 0.25 + 0.7 * (share <= 0.9 ? share : 1 - 0.1 * Math.exp(-10 * (share - 0.9)));
}
