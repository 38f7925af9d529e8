/**
 * What a task asks for before it may run: gates to pass (concurrency keys, locks, rates) and a
 * worker that can run it (resources, labels). PostgreSQL checks it and decides; this is its shape.
 */

/** At most `limit` tasks of this key run at once. The limit that was named last counts. */
export interface ConcurrencyKey {
  readonly key: string;
  readonly limit: number;
}

/** Shared with others that share it, or held alone. */
export interface NamedLock {
  readonly name: string;
  /** Default "exclusive". */
  readonly mode?: "shared" | "exclusive";
}

/** No stretch of `periodSeconds` holds more than `count` starts of this key, over all workers. */
export interface Rate {
  readonly key: string;
  readonly count: number;
  readonly periodSeconds: number;
}

export interface LabelDemand {
  /** A worker must have all of these. */
  readonly required?: Readonly<Record<string, string>>;
  /** Workers that have all of these come first. */
  readonly preferred?: Readonly<Record<string, string>>;
  /** For how long. Default 5. */
  readonly preferSeconds?: number;
}

export interface Demand {
  readonly concurrency?: readonly ConcurrencyKey[];
  readonly locks?: readonly NamedLock[];
  readonly rate?: readonly Rate[];
  /**
   * Keeps keys and locks while the task sleeps or waits for an event or other tasks. Default: they
   * are free meanwhile, and it stands in line again when it comes back.
   */
  readonly hold?: boolean;
  /** Amounts by name, such as `{ cpu: 2, memoryBytes: 4e9 }`; the worker names what it has. */
  readonly resources?: Readonly<Record<string, number>>;
  readonly labels?: LabelDemand;
}

/** A demand's keys as absurd.spawn_tasks reads them; nothing for a task that asks for nothing. */
export function wireDemand(demand: Demand): Readonly<Record<string, unknown>> {
  const { concurrency, locks, rate, hold, resources, labels } = demand;
  return {
    ...(concurrency && { concurrency }),
    ...(locks && { locks }),
    ...(rate && {
      rate: rate.map(({ key, count, periodSeconds }) => ({
        key,
        count,
        period_seconds: periodSeconds,
      })),
    }),
    ...(hold !== undefined && { hold }),
    ...(resources && { resources }),
    ...(labels && {
      labels: {
        required: labels.required,
        preferred: labels.preferred,
        prefer_seconds: labels.preferSeconds,
      },
    }),
  };
}
