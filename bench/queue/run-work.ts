/** One work on all its engines, round by round, each engine once a round; then the comparison. */
import { type EngineName, NotAvailable, OURS, type PeerName } from "./engine.ts";
import type { Lab } from "./lab.ts";
import { type Measurement, type Metric, type Scale, type Work, median } from "./work.ts";

export interface RunOptions {
  readonly scale: Scale;
  /** Instead of the scale's. */
  readonly size?: number | undefined;
  readonly rounds: number;
  readonly peers: readonly PeerName[];
  readonly pinSeconds: number;
  readonly say: (text: string) => void;
}

/** What is printed and kept of one metric. Null: not measured. */
export interface Line {
  readonly work: string;
  readonly ours: number | null;
  readonly unit: string;
  readonly bestPeer: number | null;
  readonly peer: string | null;
  /** The median over the rounds of ours to that peer's. */
  readonly ratio: number | null;
  readonly target: string;
  readonly isMet: boolean | null;
  readonly size: number;
  /** By engine, a value a round. */
  readonly perRound: Readonly<Record<string, readonly number[]>>;
  /** By engine, medians over the rounds. */
  readonly details: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly note?: string;
}

type Rounds = Map<EngineName, Measurement[]>;

export async function runWork(lab: Lab, work: Work, options: RunOptions): Promise<Line[]> {
  const size = (work.countsSeconds ? undefined : options.size) ?? work.sizes[options.scale];
  const peers = work.peers.filter((peer) => options.peers.includes(peer));
  const rounds: Rounds = new Map();
  try {
    for (let round = 1; round <= Math.min(options.rounds, work.roundsMax ?? Infinity); round++) {
      for (const engine of [OURS, ...peers] as const) {
        const share = engine === OURS ? 1 : (work.shares?.[engine] ?? 1);
        const measurement = await work.measure({
          lab,
          engine,
          size: Math.max(1, Math.round(size * share)),
          pinSeconds: options.pinSeconds,
        });
        rounds.set(engine, [...(rounds.get(engine) ?? []), measurement]);
        options.say(`${work.key} round ${round} ${engine}: ${textOf(work, measurement)}`);
      }
    }
  } catch (error) {
    if (!(error instanceof NotAvailable)) throw error;
    return work.metrics.map((metric) => missing(work, metric, size, error.message));
  }
  return work.metrics.map((metric, index) => compare(work, metric, index, size, rounds));
}

function compare(work: Work, metric: Metric, index: number, size: number, rounds: Rounds): Line {
  const perRound = new Map(
    [...rounds].map(([engine, all]) => [engine, all.map((each) => each.values[index]!)]),
  );
  const ours = perRound.get(OURS)!;
  const [best] = [...perRound]
    .filter(([engine]) => engine !== OURS)
    .map(([engine, values]) => ({ engine, values, middle: median(values) }))
    .sort((a, b) => (metric.better === "higher" ? b.middle - a.middle : a.middle - b.middle));
  const ratio = best && median(ours.map((value, round) => value / best.values[round]!));
  const middle = median(ours);
  const needsPeer = metric.target.text.endsWith("x");
  return {
    work: nameOf(work, metric),
    ours: rounded(middle),
    unit: metric.unit,
    bestPeer: best ? rounded(best.middle) : null,
    peer: best?.engine ?? null,
    ratio: ratio === undefined ? null : rounded(ratio),
    target: metric.target.text,
    isMet: needsPeer && ratio === undefined ? null : metric.target.isMet(middle, ratio),
    size,
    perRound: Object.fromEntries(
      [...perRound].map(([engine, values]) => [engine, values.map(rounded)]),
    ),
    details: Object.fromEntries(
      [...rounds].map(([engine, all]) => [engine, medians(all.map((each) => each.details))]),
    ),
  };
}

function missing(work: Work, metric: Metric, size: number, note: string): Line {
  return {
    work: nameOf(work, metric),
    ours: null,
    unit: metric.unit,
    bestPeer: null,
    peer: null,
    ratio: null,
    target: metric.target.text,
    isMet: null,
    size,
    perRound: {},
    details: {},
    note,
  };
}

function nameOf(work: Work, metric: Metric): string {
  return metric.key === undefined ? work.key : `${work.key}.${metric.key}`;
}

function medians(all: readonly Measurement["details"][]): Record<string, number> {
  const names = Object.keys(all[0] ?? {});
  return Object.fromEntries(
    names.flatMap((name) => {
      const values = all.map((each) => each[name]).filter((value) => value !== undefined);
      return values.length === 0 ? [] : [[name, rounded(median(values))]];
    }),
  );
}

function textOf(work: Work, { values, details }: Measurement): string {
  const main = work.metrics.map(
    (metric, i) => `${metric.key ?? ""} ${rounded(values[i]!)} ${metric.unit}`,
  );
  const more = Object.entries(details)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name} ${rounded(value!)}`);
  return `${main.join(", ").trim()} (${more.join(", ")})`;
}

/** Four digits: more would be noise. */
function rounded(value: number): number {
  return Number(Math.abs(value) >= 1000 ? value.toFixed(0) : value.toPrecision(4));
}
