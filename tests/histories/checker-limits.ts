/**
 * Whether limits, locks, rates and capacities held, by what the handlers themselves noted of their
 * beginnings and ends. A handler whose lease is gone holds nothing: it is a zombie from then on.
 */
import { wishesOf } from "./checker-conditions.ts";
import { type FinalState, type HistoryEvent, of } from "./record.ts";
import type { Wish } from "./record.ts";
import { CAPACITY } from "./step-task.ts";

/** A handler at work under its lease. */
interface Span {
  readonly name: string;
  readonly worker: string;
  readonly demand: NonNullable<Wish["demand"]>;
  readonly claimedAt: number;
  readonly from: number;
  readonly until: number;
}

export function limits(events: readonly HistoryEvent[], final: FinalState): string[] {
  const wrong: string[] = [];
  const spans = spansOf(events, final, wrong);
  return [...wrong, ...keys(spans), ...locks(spans), ...rates(spans), ...capacities(spans)];
}

function spansOf(events: readonly HistoryEvent[], final: FinalState, wrong: string[]): Span[] {
  const wishes = wishesOf(events);
  const tokens = new Map(final.tasks.map((task) => [task.taskId, task.token]));
  const serial = new Set(final.fires.filter((it) => it.isSerial).map((it) => it.schedule));
  const leases = new Map(final.leases.map((lease) => [`${lease.taskId}/${lease.claim}`, lease]));
  const ends = new Map<string, number>();
  const ended = of(events, "ended");
  for (const { taskId, claim, at } of ended) {
    const name = `${taskId}/${claim}`;
    ends.set(name, Math.min(ends.get(name) ?? Infinity, at));
  }
  return of(events, "started").flatMap(({ taskId, claim, worker, at }) => {
    const name = `${taskId}/${claim}`;
    const lease = leases.get(name);
    if (!lease || at < lease.claimedAt) {
      wrong.push(`claim ${name} ran without a lease`);
      return [];
    }
    const until = Math.min(ends.get(name) ?? Infinity, lease.endedAt);
    const token = tokens.get(taskId) ?? "";
    const demand = wishes.get(token)?.demand ?? demandOfSchedule(token, serial);
    return [{ name, worker, demand, claimedAt: lease.claimedAt, from: at, until }];
  });
}

/** The tasks of a schedule that lets them run one after the other are like a key of one. */
function demandOfSchedule(token: string, serial: ReadonlySet<string>): Span["demand"] {
  const [schedule = ""] = token.split("@");
  return serial.has(schedule) ? { concurrency: [{ key: `schedule ${schedule}`, limit: 1 }] } : {};
}

/** For each span, those at work when it began, itself included. */
function crowds(spans: readonly Span[]): { span: Span; crowd: Span[] }[] {
  return spans
    .filter((span) => span.from < span.until)
    .map((span) => ({
      span,
      crowd: spans.filter((it) => it.from <= span.from && span.from < it.until),
    }));
}

function keys(spans: readonly Span[]): string[] {
  return crowds(spans).flatMap(({ span, crowd }) =>
    (span.demand.concurrency ?? []).flatMap(({ key, limit }) => {
      const inside = crowd.filter((it) => it.demand.concurrency?.some((one) => one.key === key));
      return inside.length > limit
        ? [`key ${key} of ${limit} was held by ${inside.map((it) => it.name).join(", ")}`]
        : [];
    }),
  );
}

function locks(spans: readonly Span[]): string[] {
  return crowds(spans).flatMap(({ span, crowd }) =>
    (span.demand.locks ?? []).flatMap(({ name }) => {
      const modes = crowd.flatMap(
        (it) => it.demand.locks?.filter((lock) => lock.name === name) ?? [],
      );
      const isAlone = modes.some(({ mode }) => mode !== "shared");
      const who = crowd.filter((it) => it.demand.locks?.some((lock) => lock.name === name));
      return isAlone && modes.length > 1
        ? [`lock ${name} was held by ${who.map((it) => it.name).join(", ")}`]
        : [];
    }),
  );
}

/** No stretch of a period holds more starts than the rate allows; a start is its claim. */
function rates(spans: readonly Span[]): string[] {
  const rated = spans.flatMap((span) => (span.demand.rate ?? []).map((rate) => ({ span, rate })));
  return [...Map.groupBy(rated, ({ rate }) => rate.key)].flatMap(([key, all]) => {
    const starts = all.map(({ span }) => span.claimedAt).sort((a, b) => a - b);
    const { count, periodSeconds } = all[0]!.rate;
    return starts.flatMap((at, index) => {
      const next = starts[index + count];
      // Cut off to milliseconds, a period may look one shorter.
      return next !== undefined && next - at < periodSeconds * 1000 - 1
        ? [`rate ${key} of ${count}: ${count + 1} starts within ${next - at} ms`]
        : [];
    });
  });
}

function capacities(spans: readonly Span[]): string[] {
  return crowds(spans).flatMap(({ span, crowd }) => {
    const used = crowd
      .filter((it) => it.worker === span.worker)
      .reduce((sum, it) => sum + (it.demand.resources?.["cpu"] ?? 0), 0);
    return used > CAPACITY.cpu ? [`worker ${span.worker} had ${used} of ${CAPACITY.cpu} cpu`] : [];
  });
}
