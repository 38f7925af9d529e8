/**
 * WSClean 3.1: visibilities to CLEANed images.
 *
 * The arguments are a pure function of the settings. Measured alternatives to the settings are in
 * docs/decisions (imaging settings).
 */
import type { PipelineError } from "../errors.ts";
import { missingTool, runProgram, type ProgramEnd } from "./run-program.ts";
import { describeTrouble, troubleError, type WscleanTrouble } from "./wsclean-failures.ts";
import { WscleanLog, type WscleanProgress, type WscleanSummary } from "./wsclean-log.ts";

export const WSCLEAN_PACKAGE = "wsclean";
/** `-use-wgridder` and the log lines that are read are those of this version. */
const VERSION_MIN = [3, 1] as const;
const VERSION_TIMEOUT_SECONDS = 20;
export interface WscleanSettings {
  readonly pixelCount: number;
  readonly cellArcsec: number;
  /** Briggs robustness. */
  readonly robustness: number;
  readonly iterationsMax: number;
  /** Share of the peak that a major iteration removes. */
  readonly majorGain: number;
  /** CLEAN freely down to this many σ, then only where it has been. */
  readonly autoMaskSigma: number;
  readonly autoThresholdSigma: number;
  /** And never below this flux, whatever σ is taken to be; 0 for no such floor. */
  readonly thresholdJy: number;
  /** Images per band part, deconvolved together; 1 for one image of the whole band. */
  readonly channelsOut: number;
  /** Images of as many equal parts of the time, in place of one. */
  readonly intervalsOut?: number;
  /** "psf": no image. "dirty": no CLEAN; the PSF is made for its beam. Absent: everything. */
  readonly only?: "psf" | "dirty";
  /** Leaves the model's visibilities in the set's column MODEL_DATA; else the set is only read. */
  readonly keepsModel?: boolean;
  /** Restores with this beam instead of the one fitted to the PSF. */
  readonly restoringBeam?: RestoringBeam | undefined;
}

export interface RestoringBeam {
  readonly majorArcsec: number;
  readonly minorArcsec: number;
  /** North through east. */
  readonly positionAngleDeg: number;
}

/** What a run may use; no pixel depends on it. */
export interface WscleanLimits {
  readonly threadCount: number;
  /** Visibilities are read in parts when they do not fit; a tile of 192 channels fits in 4. */
  readonly memoryGib: number;
  /**
   * Sorts visibilities into temporary files first: faster when they are read more than once.
   * Images of parts of the band or of the time cannot do without.
   */
  readonly reorder: boolean;
}

const GIB = 2 ** 30;
/** Node with the stage's modules, which shares the reservation. */
const OWN_GIB = 0.25;
/** WSClean reads in parts of any size, but not of none. */
const MEMORY_GIB_LEAST = 0.25;

/** What to tell WSClean: what was asked for, within what the run has reserved. */
export function wscleanMemoryGib(askedGib: number, reservedBytes: number | undefined): number {
  if (reservedBytes === undefined) return askedGib;
  const left = Math.max(MEMORY_GIB_LEAST, reservedBytes / GIB - OWN_GIB);
  return Math.min(askedGib, Number(left.toFixed(3)));
}

export interface WscleanFiles {
  readonly measurementSetPath: string;
  /** Of every output: `<prefix>-image.fits`, with channelsOut > 1 `<prefix>-MFS-image.fits`. */
  readonly outputPrefix: string;
  readonly temporaryFolder: string;
}

export interface WscleanRun {
  readonly limits: WscleanLimits;
  readonly timeoutSeconds: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: WscleanProgress) => void;
  /** Each image written, counted from 1. */
  readonly onImage?: (imagesDone: number) => void;
  /** Put before the command, such as `prlimit --as=…`. */
  readonly wrapper?: readonly string[];
}

/** How a run of WSClean ended, also when it failed. */
export interface WscleanEnd {
  readonly summary: WscleanSummary;
  /** Absent when all is well. */
  readonly failure: WscleanTrouble | undefined;
  /** That it took. */
  readonly seconds: number;
}

export function wscleanArguments(
  settings: WscleanSettings,
  files: WscleanFiles,
  limits: WscleanLimits,
): string[] {
  const { pixelCount, channelsOut, intervalsOut = 1, restoringBeam: beam } = settings;
  const size = String(pixelCount);
  const joined = ["-channels-out", String(channelsOut), "-join-channels", "-fit-spectral-pol", "2"];
  return [
    ...["-name", files.outputPrefix, "-temp-dir", files.temporaryFolder],
    ...["-j", String(limits.threadCount), "-abs-mem", String(limits.memoryGib)],
    ...(limits.reorder ? [] : ["-no-reorder"]),
    ...["-size", size, size, "-scale", `${settings.cellArcsec}asec`],
    ...["-weight", "briggs", String(settings.robustness)],
    // The default w-stacking gridder loses 2.5 % of the flux of these fields.
    ...["-use-wgridder", "-pol", "I", "-data-column", "DATA"],
    ...(settings.keepsModel === true ? [] : ["-no-update-model-required"]),
    // The dirty image is nobody's product, and with -niter 0 "the image" is the same.
    ...["-no-dirty"],
    ...(settings.only === undefined ? cleanWords(settings) : ONLY_WORDS[settings.only]),
    ...(channelsOut > 1 ? joined : []),
    ...(intervalsOut > 1 ? ["-intervals-out", String(intervalsOut)] : []),
    ...(beam === undefined ? [] : ["-beam-shape", ...beamWords(beam)]),
    files.measurementSetPath,
  ];
}

const ONLY_WORDS = { psf: ["-make-psf-only"], dirty: ["-niter", "0", "-make-psf"] } as const;

function cleanWords(settings: WscleanSettings): string[] {
  return [
    ...["-niter", String(settings.iterationsMax), "-mgain", String(settings.majorGain)],
    ...["-auto-mask", String(settings.autoMaskSigma)],
    ...["-auto-threshold", String(settings.autoThresholdSigma)],
    ...(settings.thresholdJy > 0 ? ["-threshold", String(settings.thresholdJy)] : []),
  ];
}

function beamWords({ majorArcsec, minorArcsec, positionAngleDeg }: RestoringBeam): string[] {
  return [`${majorArcsec}asec`, `${minorArcsec}asec`, `${positionAngleDeg}deg`];
}

/**
 * Runs WSClean to the end, or until its log shows that it diverges: then it is stopped.
 *
 * @returns how it ended, with the trouble by name where it is one we know
 * @throws {PipelineError} MissingTool; ToolFailed on time-out
 */
export async function tryWsclean(
  settings: WscleanSettings,
  files: WscleanFiles,
  run: WscleanRun,
): Promise<WscleanEnd> {
  const log = new WscleanLog();
  const startMs = performance.now();
  const seconds = (): number => (performance.now() - startMs) / 1000;
  let imagesDone = 0;
  const hopeless = new AbortController();
  const signals = run.signal === undefined ? [] : [run.signal];
  const call = wscleanCall(wscleanArguments(settings, files, run.limits), run.wrapper);
  try {
    const end = await runProgram({
      ...call,
      timeoutSeconds: run.timeoutSeconds,
      signal: AbortSignal.any([...signals, hopeless.signal]),
      onLine: (line) => {
        const progress = log.read(line);
        if (WscleanLog.writesImage(line)) run.onImage?.((imagesDone += 1));
        if (progress !== undefined) run.onProgress?.(progress);
        if (log.divergence !== undefined) hopeless.abort(new Error(log.divergence));
      },
    });
    const { summary } = log;
    const failure = end.exitCode === 0 ? undefined : describeTrouble(end, summary.failure);
    return { summary, failure, seconds: seconds() };
  } catch (error) {
    run.signal?.throwIfAborted();
    if (error !== hopeless.signal.reason) throw error;
    const reason = log.divergence!;
    const failure: WscleanTrouble = { kind: "diverged", reason, outputTail: [] };
    return { summary: log.summary, failure, seconds: seconds() };
  }
}

/**
 * The same where nothing can be changed for another try.
 *
 * @throws {PipelineError} MissingTool, or ToolFailed with WSClean's own words
 */
export async function runWsclean(
  settings: WscleanSettings,
  files: WscleanFiles,
  run: WscleanRun,
): Promise<WscleanSummary> {
  const { summary, failure } = await tryWsclean(settings, files, run);
  if (failure !== undefined) throw troubleError(failure);
  return summary;
}

/**
 * The version of the installed WSClean, such as "3.1.0".
 *
 * @throws {PipelineError} MissingTool when there is none, or one older than 3.1
 */
export async function readWscleanVersion(): Promise<string> {
  const end = await runProgram({
    ...wscleanCall(["--version"]),
    timeoutSeconds: VERSION_TIMEOUT_SECONDS,
  });
  const text = end.outputTail.join("\n");
  const match = /WSClean version (\d+)\.(\d+)(?:\.\d+)?/.exec(text);
  if (match === null) throw toolFailed(end, `it printed no version: ${text.slice(0, 200)}`);
  const [major, minor] = [Number(match[1]), Number(match[2])];
  if (major < VERSION_MIN[0] || (major === VERSION_MIN[0] && minor < VERSION_MIN[1])) {
    throw missingTool(`wsclean ${VERSION_MIN.join(".")} or newer`, WSCLEAN_PACKAGE);
  }
  return match[0].replace("WSClean version ", "");
}

function wscleanCall(
  programArguments: readonly string[],
  wrapper: readonly string[] = [],
): {
  program: string;
  arguments: readonly string[];
  debianPackage: string;
  environment: Record<string, string>;
} {
  const [program, ...words] = [...wrapper, "wsclean", ...programArguments];
  return {
    program: program!,
    arguments: words,
    debianPackage: WSCLEAN_PACKAGE,
    // WSClean refuses to start beside a threaded OpenBLAS, even to print its version.
    environment: { OPENBLAS_NUM_THREADS: "1" },
  };
}

function toolFailed(end: ProgramEnd, failure: string | undefined): PipelineError {
  return troubleError(describeTrouble(end, failure));
}
