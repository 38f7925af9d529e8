/**
 * WSClean 3.1: visibilities to CLEANed images.
 *
 * The arguments are a pure function of the settings. Measured alternatives to the settings are in
 * docs/decisions (imaging settings).
 */
import { PipelineError } from "../errors.ts";
import { missingTool, runProgram, type ProgramEnd } from "./run-program.ts";
import { WscleanLog, type WscleanProgress, type WscleanSummary } from "./wsclean-log.ts";

export const WSCLEAN_PACKAGE = "wsclean";
/** `-use-wgridder` and the log lines that are read are those of this version. */
const VERSION_MIN = [3, 1] as const;
const VERSION_TIMEOUT_SECONDS = 20;
/** Visibilities are read in parts when they do not fit; a tile of 192 channels does. */
const MEMORY_GIB = 4;

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
  /** Images per band part, deconvolved together; 1 for one image of the whole band. */
  readonly channelsOut: number;
}

export interface WscleanFiles {
  readonly measurementSetPath: string;
  /** Of every output: `<prefix>-image.fits`, with channelsOut > 1 `<prefix>-MFS-image.fits`. */
  readonly outputPrefix: string;
  readonly temporaryFolder: string;
}

export interface WscleanRun {
  readonly threadCount: number;
  readonly timeoutSeconds: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: WscleanProgress) => void;
}

export function wscleanArguments(
  settings: WscleanSettings,
  files: WscleanFiles,
  threadCount: number,
): string[] {
  const { pixelCount, channelsOut } = settings;
  const size = String(pixelCount);
  const joined = ["-channels-out", String(channelsOut), "-join-channels", "-fit-spectral-pol", "2"];
  return [
    ...["-name", files.outputPrefix, "-temp-dir", files.temporaryFolder],
    ...["-j", String(threadCount), "-abs-mem", String(MEMORY_GIB)],
    ...["-size", size, size, "-scale", `${settings.cellArcsec}asec`],
    ...["-weight", "briggs", String(settings.robustness)],
    // The default w-stacking gridder loses 2.5 % of the flux of these fields.
    ...["-use-wgridder", "-pol", "I", "-data-column", "DATA", "-no-update-model-required"],
    ...["-niter", String(settings.iterationsMax), "-mgain", String(settings.majorGain)],
    ...["-auto-mask", String(settings.autoMaskSigma)],
    ...["-auto-threshold", String(settings.autoThresholdSigma)],
    ...(channelsOut > 1 ? joined : []),
    files.measurementSetPath,
  ];
}

/**
 * Runs WSClean to the end.
 *
 * @throws {PipelineError} MissingTool, or ToolFailed with WSClean's own words
 */
export async function runWsclean(
  settings: WscleanSettings,
  files: WscleanFiles,
  run: WscleanRun,
): Promise<WscleanSummary> {
  const log = new WscleanLog();
  const end = await runProgram({
    ...wscleanCall(wscleanArguments(settings, files, run.threadCount)),
    timeoutSeconds: run.timeoutSeconds,
    ...(run.signal === undefined ? {} : { signal: run.signal }),
    onLine: (line) => {
      const progress = log.read(line);
      if (progress !== undefined) run.onProgress?.(progress);
    },
  });
  if (end.exitCode !== 0) throw toolFailed(end, log.summary.failure);
  return log.summary;
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

function wscleanCall(programArguments: readonly string[]): {
  program: string;
  arguments: readonly string[];
  debianPackage: string;
  environment: Record<string, string>;
} {
  return {
    program: "wsclean",
    arguments: programArguments,
    debianPackage: WSCLEAN_PACKAGE,
    // WSClean refuses to start beside a threaded OpenBLAS, even to print its version.
    environment: { OPENBLAS_NUM_THREADS: "1" },
  };
}

function toolFailed(end: ProgramEnd, failure: string | undefined): PipelineError {
  const reason = failure ?? end.errorTail.at(-1) ?? end.outputTail.at(-1) ?? "no word of why";
  const how = end.killedBy === null ? `exit code ${String(end.exitCode)}` : end.killedBy;
  return new PipelineError("ToolFailed", `wsclean ended with ${how}: ${reason}`, {
    program: "wsclean",
    exitCode: end.exitCode,
    killedBy: end.killedBy,
    outputTail: end.outputTail,
  });
}
