/** Flags that say what a task asks for, and what a worker has: `disk=2`, `set:shared`, `api=10/60`. */
import type { Demand } from "@contimg/absurd";
import { type Command, InvalidArgumentError } from "commander";

export interface DemandFlags {
  readonly concurrencyKey?: readonly { readonly key: string; readonly limit: number }[];
  readonly lock?: readonly { readonly name: string; readonly mode: "shared" | "exclusive" }[];
  readonly rate?: readonly {
    readonly key: string;
    readonly count: number;
    readonly periodSeconds: number;
  }[];
  readonly hold?: boolean;
  readonly resource?: Readonly<Record<string, number>>;
  readonly label?: Readonly<Record<string, string>>;
  readonly preferLabel?: Readonly<Record<string, string>>;
}

/** Adds the flags of a spawn. */
export function withDemandFlags(command: Command): Command {
  return command
    .option("--concurrency-key <key=limit...>", "at most so many of this key at once", keys)
    .option("--lock <name[:shared]...>", "a lock to hold, alone or shared", locks)
    .option("--rate <key=count/seconds...>", "at most so many starts in so many seconds", rates)
    .option("--hold", "keep keys and locks while the task sleeps or waits")
    .option("--resource <name=amount...>", "what the worker must have free, such as cpu=2", amounts)
    .option("--label <name=value...>", "what the worker must have", texts)
    .option("--prefer-label <name=value...>", "what the worker should have", texts);
}

/** The demand that the flags make; keys are there only when their flags are. */
export function demandOf(flags: DemandFlags): Demand {
  const labels = {
    ...(flags.label && { required: flags.label }),
    ...(flags.preferLabel && { preferred: flags.preferLabel }),
  };
  return {
    ...(flags.concurrencyKey && { concurrency: flags.concurrencyKey }),
    ...(flags.lock && { locks: flags.lock }),
    ...(flags.rate && { rate: flags.rate }),
    ...(flags.hold && { hold: true }),
    ...(flags.resource && { resources: flags.resource }),
    ...(Object.keys(labels).length > 0 && { labels }),
  };
}

function keys(
  text: string,
  before: NonNullable<DemandFlags["concurrencyKey"]> = [],
): NonNullable<DemandFlags["concurrencyKey"]> {
  const { name, value } = pair(text, "key=limit");
  return [...before, { key: name, limit: numberOf(value, "key=limit, a whole number from 1") }];
}

function locks(
  text: string,
  before: NonNullable<DemandFlags["lock"]> = [],
): NonNullable<DemandFlags["lock"]> {
  const isShared = text.endsWith(":shared");
  const name = isShared ? text.slice(0, -":shared".length) : text;
  return [...before, { name, mode: isShared ? "shared" : "exclusive" }];
}

function rates(
  text: string,
  before: NonNullable<DemandFlags["rate"]> = [],
): NonNullable<DemandFlags["rate"]> {
  const { name, value } = pair(text, "key=count/seconds");
  const { count, periodSeconds } = parseRate(value);
  return [...before, { key: name, count, periodSeconds }];
}

/** `count/seconds`. */
export function parseRate(text: string): { count: number; periodSeconds: number } {
  const [count = "", seconds = "", ...rest] = text.split("/");
  const expected = "count/seconds, such as 10/60";
  if (rest.length > 0) throw new InvalidArgumentError(`Expected ${expected}.`);
  return { count: numberOf(count, expected), periodSeconds: numberOf(seconds, expected) };
}

/** `name=amount`, gathered over repeats. */
export function amounts(
  text: string,
  before: Readonly<Record<string, number>> = {},
): Record<string, number> {
  const { name, value } = pair(text, "name=amount");
  return { ...before, [name]: numberOf(value, "name=amount") };
}

/** `name=value`, gathered over repeats. */
export function texts(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const { name, value } = pair(text, "name=value");
  return { ...before, [name]: value };
}

function pair(text: string, expected: string): { name: string; value: string } {
  const cut = text.lastIndexOf("=");
  if (cut < 1 || cut === text.length - 1) throw new InvalidArgumentError(`Expected ${expected}.`);
  return { name: text.slice(0, cut), value: text.slice(cut + 1) };
}

function numberOf(text: string, expected: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) {
    throw new InvalidArgumentError(`Expected ${expected}.`);
  }
  return value;
}
