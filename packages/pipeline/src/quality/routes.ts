/**
 * Ways round a gate: what may be tried instead of a run that was not good enough. A closed table.
 *
 * A route is a change of params, so that what goes it is an ordinary task of the same stage with a
 * lineage of its own; or other stages before it, which give it better inputs. Each is gone at most
 * once for the work of one task, in the table's order.
 */
import { parseSubbandPath, subbandCode } from "../groups/subband-file.ts";
import type { Json } from "../stage.ts";
import type { Finding } from "./gate.ts";

export type RouteName = "next-reference" | "next-calibrator" | "drop-subbands" | "flag-thorough";

/** A run as a route sees it. */
export interface RoutedRun {
  readonly params: Readonly<Record<string, unknown>>;
  /** The stage's own. */
  readonly result: Json;
}

interface Route {
  readonly name: RouteName;
  readonly stage: string;
  /** The metrics whose failure it may mend. */
  readonly mends: readonly string[];
  /** Stages that are run first, one after the other. */
  readonly before?: readonly string[];
  /** The params to try instead; undefined when this run leaves nothing to try. */
  readonly paramsFor: (run: RoutedRun) => Readonly<Record<string, unknown>> | undefined;
}

const ROUTES: readonly Route[] = [
  {
    // Phases are told against the reference antenna: a restless one makes all of them restless.
    name: "next-reference",
    stage: "calibration-solve",
    mends: ["phase_scatter_deg"],
    paramsFor: (run) => excluding(run, "skip_references", "reference_antenna"),
  },
  {
    name: "next-calibrator",
    stage: "calibration-solve",
    mends: ["median_snr", "flagged_fraction", "usable_count", "phase_scatter_deg"],
    // A calibrator that was asked for by name is not exchanged for another.
    paramsFor: (run) =>
      run.params["calibrator"] === undefined
        ? excluding(run, "skip_calibrators", "calibrator")
        : undefined,
  },
  {
    // Interference that the fast flagger left makes solutions noisy and restless.
    name: "flag-thorough",
    stage: "calibration-solve",
    mends: ["median_snr", "phase_scatter_deg"],
    before: ["flag-thorough"],
    paramsFor: unlessGivenSet,
  },
  {
    // In an image it shows as noise and ripples.
    name: "flag-thorough",
    stage: "imaging",
    mends: ["dynamic_range", "noise_ratio", "pixels_above_5_sigma"],
    before: ["flag-thorough", "calibration-apply"],
    paramsFor: unlessGivenSet,
  },
  {
    name: "drop-subbands",
    stage: "convert-uvh5-to-ms",
    mends: ["problem_subband_count"],
    paramsFor: ({ params, result }) => {
      const problems = new Set(listOf(member(result, "problem_subbands")));
      const paths = listOf(member(result, "input_paths")).filter(
        (path) => typeof path === "string" && !problems.has(subbandCodeOf(path)),
      );
      if (problems.size === 0 || paths.length === 0) return undefined;
      return { ...params, input_paths: paths, missing_subbands: "flag" };
    },
  },
];

export interface ChosenRoute {
  readonly name: RouteName;
  /** Stages that are run first, with the group alone as params. */
  readonly before: readonly string[];
  readonly params: Readonly<Record<string, unknown>>;
}

export interface RouteOptions {
  /** Routes that were gone already. */
  readonly gone: ReadonlySet<string>;
  /** Whether the stage takes such params; a site's own may lack what a route needs. */
  readonly accepts: (params: unknown) => boolean;
}

/** The first way round these findings that can be gone. */
export function chooseRoute(
  stage: string,
  findings: readonly Finding[],
  run: RoutedRun,
  { gone, accepts }: RouteOptions,
): ChosenRoute | undefined {
  const stopping = findings.filter(({ verdict }) => verdict !== "warn");
  for (const { name, mends, before = [], paramsFor, ...route } of ROUTES) {
    if (route.stage !== stage || gone.has(name)) continue;
    // What it cannot mend would stop the next run as well.
    if (stopping.length === 0 || !stopping.every(({ quantity }) => mends.includes(quantity))) {
      continue;
    }
    const params = paramsFor(run);
    if (params !== undefined && accepts(params)) return { name, before, params };
  }
  return undefined;
}

/** The same again: the registry gives it what was made before it; not a set that was given. */
function unlessGivenSet({ params }: RoutedRun) {
  return params["measurement_set_path"] === undefined ? params : undefined;
}

/** The params with what the run chose (a member of its result) among what is not to be chosen. */
function excluding({ params, result }: RoutedRun, param: string, chosen: string) {
  const name = member(result, chosen);
  if (typeof name !== "string") return undefined;
  return { ...params, [param]: [...listOf(params[param]), name] };
}

function member(value: Json, name: string): Json | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value[name]
    : undefined;
}

function subbandCodeOf(path: string): string | undefined {
  const file = parseSubbandPath(path);
  return file && subbandCode(file.subbandIndex);
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
