/**
 * What a reader of changes has seen, and its short form, the cursor. Pure.
 *
 * Ends are known by their transactions: all below `xmax` were seen but for those in `open`. Spawns
 * are found by the time in their number, so for those the times count at which transactions began.
 */
import { InvalidCursor } from "./errors.ts";

export interface Seen {
  readonly xmax: bigint;
  readonly open: readonly bigint[];
  /** Of this transaction, told up to this row. */
  readonly part: Part | undefined;
  readonly spawns: {
    readonly xmax: bigint;
    /** Transactions below that go on, each with a time (ms) before which it made no number. */
    readonly open: ReadonlyMap<bigint, number>;
    /** The first of those that have ended since, whose spawns are still to be read. */
    readonly late: { readonly xid: bigint; readonly ms: number } | undefined;
    /** Transactions from xmax on made no number before this time. */
    readonly sinceMs: number;
  };
  /** When the server started: one that crashed may give the last transactions' numbers again. */
  readonly startedMs: number;
}

export interface Part {
  readonly xid: bigint;
  readonly taskNumber: string;
  readonly claimNo: number;
  readonly status: string;
}

/** Open transactions that a cursor names; it counts what came after these as unseen. */
const OPEN_MAX = 4;
/**
 * A server that crashed may give numbers again that it had not written down: these are read again.
 */
const CRASH_XIDS = 10_000n;
const CRASH_MS = 10_000;
const FORM = /^c1(?:\.[a-z0-9:,-]*){7}$/;

const text = (value: bigint | number): string => value.toString(36);
const big = (digits: string): bigint =>
  digits.split("").reduce((sum, digit) => sum * 36n + BigInt(Number.parseInt(digit, 36)), 0n);
const small = (digits: string): number => Number.parseInt(digits, 36);

export function encode(seen: Seen): string {
  const cut = seen.open[OPEN_MAX];
  const { part } = seen;
  const open = [...seen.spawns.open].slice(0, OPEN_MAX);
  // What is late, and what there is no room for, is read again from its beginning.
  const again = [
    ...[...seen.spawns.open].slice(OPEN_MAX).map(([xid, ms]) => ({ xid, ms })),
    ...(seen.spawns.late ? [seen.spawns.late] : []),
  ];
  const spawnXmax = again.reduce((least, { xid }) => (xid < least ? xid : least), seen.spawns.xmax);
  return [
    "c1",
    text(cut ?? seen.xmax),
    seen.open.slice(0, OPEN_MAX).map(text).join(","),
    part === undefined
      ? ""
      : [text(part.xid), text(BigInt(part.taskNumber)), text(part.claimNo), part.status].join(":"),
    text(spawnXmax),
    open.map(([xid, ms]) => `${text(xid)}:${text(ms)}`).join(","),
    text(Math.min(seen.spawns.sinceMs, ...again.map(({ ms }) => ms))),
    text(seen.startedMs),
  ].join(".");
}

/** @throws {InvalidCursor} */
export function decode(cursor: string): Seen {
  if (!FORM.test(cursor)) {
    throw new InvalidCursor(`cursor is "${cursor}", expected one that a reader of changes gave`);
  }
  const [, xmax, open, part, spawnXmax, spawnOpen, since, started] = cursor.split(".");
  const list = (items: string | undefined): string[] => (items ? items.split(",") : []);
  const [xid, task, claim, status] = part ? part.split(":") : [];
  return {
    xmax: big(xmax!),
    open: list(open).map(big),
    part:
      xid === undefined
        ? undefined
        : {
            xid: big(xid),
            taskNumber: String(big(task ?? "0")),
            claimNo: small(claim ?? "0"),
            status: status ?? "",
          },
    spawns: {
      xmax: big(spawnXmax!),
      open: new Map(
        list(spawnOpen).map((item): [bigint, number] => {
          const [number, ms] = item.split(":");
          return [big(number!), small(ms ?? "0")];
        }),
      ),
      late: undefined,
      sinceMs: small(since!),
    },
    startedMs: small(started!),
  };
}

/**
 * What a reader has seen after a read: `ends` are the last rows that it was told, at most `limit`.
 */
export function nextSeen(
  before: Seen | undefined,
  horizon: {
    readonly xmax: bigint;
    readonly open: readonly bigint[];
    readonly atMs: number;
    readonly sinceMs: number;
    readonly startedMs: number;
  },
  ends: { readonly last: Part | undefined; readonly isCut: boolean; readonly to: bigint },
): Seen {
  const was = before?.spawns;
  const open = new Map(
    horizon.open.map((xid) => [xid, was?.open.get(xid) ?? was?.sinceMs ?? horizon.sinceMs]),
  );
  const ended = [...(was?.open ?? [])].filter(([xid]) => !open.has(xid));
  const late = ended.reduce<{ xid: bigint; ms: number } | undefined>(
    (least, [xid, ms]) => ({
      xid: least && least.xid < xid ? least.xid : xid,
      ms: Math.min(least?.ms ?? ms, ms),
    }),
    undefined,
  );
  return {
    ...endsSeen(before, horizon.open, ends),
    spawns: { xmax: horizon.xmax, open, late, sinceMs: horizon.atMs },
    startedMs: horizon.startedMs,
  };
}

function endsSeen(
  before: Seen | undefined,
  open: readonly bigint[],
  { last, isCut, to }: { last: Part | undefined; isCut: boolean; to: bigint },
): Pick<Seen, "xmax" | "open" | "part"> {
  if (!isCut || last === undefined) {
    return { xmax: to, open: open.filter((xid) => xid < to), part: undefined };
  }
  const after = last.xid + 1n;
  const xmax = before !== undefined && before.xmax > after ? before.xmax : after;
  // Ends come in the order of their transactions: those from the last one on are still to be told.
  const left = (before?.open ?? []).filter((xid) => xid > last.xid);
  const unseen = new Set([...open.filter((xid) => xid < xmax), ...left, last.xid]);
  return { xmax, open: [...unseen].sort((a, b) => (a < b ? -1 : 1)), part: last };
}

/** What is certainly seen after the server started anew. */
export function rewound(seen: Seen, startedMs: number): Seen {
  const back = (xid: bigint): bigint => (xid > CRASH_XIDS ? xid - CRASH_XIDS : 0n);
  const { spawns } = seen;
  const first = Math.min(spawns.sinceMs, spawns.late?.ms ?? Infinity, ...spawns.open.values());
  return {
    xmax: back(seen.open[0] ?? seen.xmax),
    open: [],
    part: undefined,
    spawns: {
      xmax: back([...spawns.open.keys()][0] ?? spawns.late?.xid ?? spawns.xmax),
      open: new Map(),
      late: undefined,
      sinceMs: first - CRASH_MS,
    },
    startedMs,
  };
}
