/**
 * `absurd top`: the queue live, on a whole screen. It draws on the alternate screen, writes only
 * lines that changed, and leaves the terminal as it was, also after an error.
 */
import { type AbsurdClient, fieldIs, readProgress } from "@contimg/absurd";
import type { Command } from "commander";
import type pg from "pg";

import { toFailure } from "../failure.ts";
import { numberIn } from "../number-argument.ts";
import { print } from "../output.ts";
import { interruptible, Patience } from "./interrupt.ts";
import { type AbsurdFlags, absurdCommand, withClient } from "./settings.ts";
import { drawTop, type Screen, type Snapshot, type Sort } from "./top-frame.ts";

interface TopFlags extends AbsurdFlags {
  readonly once?: boolean;
  readonly every: number;
}

const RUNNING_MAX = 200;
/** What was reported after it, and is of a running task. */
const LONG_AGO = new Date(0);
const FAILURES_MAX = 20;
/** Without a terminal. */
const PLAIN: Screen = { columns: 160, rows: 60 };

const ENTER = "\u001b[?1049h\u001b[?25l";
const LEAVE = "\u001b[?25h\u001b[?1049l";

const SORT_OF_KEY: Readonly<Record<string, Sort>> = {
  r: "run",
  n: "name",
  u: "queue",
  w: "worker",
};
const CTRL_C = "\u0003";

export function topCommand(): Command {
  return absurdCommand("top", "show queues, workers, running tasks and failures, live")
    .option("--every <seconds>", "between two looks", numberIn(0.2, 3600), 2)
    .option("--once", "print one frame and end")
    .addHelpText(
      "after",
      "\nKeys: q ends; r, n, u and w sort by run time, name, queue and worker; space looks now." +
        "\nWithout a terminal it prints a frame a look." +
        "\n\nExamples:\n  absurd top\n  absurd top --once",
    )
    .action(top);
}

async function top(flags: TopFlags): Promise<void> {
  await withClient(flags, async (client, pool) => {
    const lookNow = (): Promise<Snapshot> => look(client, pool);
    if (flags.once || flags.json) {
      const snapshot = await lookNow();
      print(flags.json ?? false, snapshot, () => drawTop(snapshot, screen(), "run").join("\n"));
    } else if (process.stdout.isTTY) await showLive(lookNow, flags.every);
    else await printFrames(lookNow, flags.every);
  });
}

/** What one look asks of the database, whatever runs. */
type Look = () => Promise<Snapshot>;

async function look(client: AbsurdClient, pool: pg.Pool): Promise<Snapshot> {
  const [queues, workers, claimed, reported, failed] = await Promise.all([
    client.queues.list(),
    client.workers.list(),
    client.list({ conditions: [fieldIs("status", "claimed")] }, { limit: RUNNING_MAX }),
    readProgress(pool, LONG_AGO),
    client.list({ conditions: [fieldIs("status", "failed")] }, { limit: FAILURES_MAX }),
  ]);
  const progress = new Map(reported.map((each) => [each.taskId, each]));
  return {
    at: new Date(),
    queues,
    workers,
    running: claimed.tasks.map((task) => ({ task, progress: progress.get(task.taskId) ?? null })),
    failures: failed.tasks.toSorted(
      (a, b) => (b.completedAt?.getTime() ?? 0) - (a.completedAt?.getTime() ?? 0),
    ),
  };
}

function screen(): Screen {
  if (!process.stdout.isTTY) return PLAIN;
  return { columns: process.stdout.columns, rows: process.stdout.rows };
}

async function printFrames(lookNow: Look, everySeconds: number): Promise<void> {
  await interruptible(async (signal, pause) => {
    const patience = new Patience();
    while (!signal.aborted) {
      await patience.look(async () => {
        process.stdout.write(`${drawTop(await lookNow(), PLAIN, "run").join("\n")}\n\n`);
      });
      await pause(everySeconds * 1000);
    }
  });
}

async function showLive(lookNow: Look, everySeconds: number): Promise<void> {
  const view = new LiveScreen();
  await interruptible(async (signal, pause) => {
    const isOver = (): boolean => signal.aborted || view.isClosed;
    view.open();
    try {
      while (!isOver()) {
        try {
          view.show(await lookNow());
        } catch (error) {
          view.say(toFailure(error).message);
        }
        if (!isOver()) await Promise.race([pause(everySeconds * 1000), view.key()]);
      }
    } finally {
      view.close();
    }
  });
}

/** The terminal: draws the last snapshot anew at each key and change of size. */
class LiveScreen {
  #isClosed = false;
  #sort: Sort = "run";
  #snapshot: Snapshot | undefined;
  #message = "";
  #drawn: readonly string[] = [];
  #wake: () => void = () => undefined;

  get isClosed(): boolean {
    return this.#isClosed;
  }

  open(): void {
    process.stdout.write(ENTER);
    process.stdout.on("resize", this.#redraw);
    if (!process.stdin.isTTY) return;
    process.stdin.setRawMode(true).setEncoding("utf8").on("data", this.#press).resume();
  }

  close(): void {
    process.stdout.off("resize", this.#redraw);
    if (process.stdin.isTTY) process.stdin.off("data", this.#press).setRawMode(false).pause();
    process.stdout.write(LEAVE);
  }

  show(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    this.#message = "";
    this.#draw();
  }

  /** Beside the last snapshot, which stays. */
  say(message: string): void {
    this.#message = message;
    this.#draw();
  }

  /** Resolves when a key asks for a look, or for the end. */
  key(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#wake = () => {
      resolve(undefined);
    };
    return promise;
  }

  readonly #press = (keys: string): void => {
    for (const key of keys) {
      if (key === "q" || key === CTRL_C) this.#isClosed = true;
      const sort = SORT_OF_KEY[key];
      if (sort) this.#sort = sort;
      if (this.#isClosed || key === " ") this.#wake();
    }
    this.#draw();
  };

  readonly #redraw = (): void => {
    this.#drawn = [];
    process.stdout.write("\u001b[2J");
    this.#draw();
  };

  /** Only lines that differ are written, so that nothing flickers and little goes over the wire. */
  #draw(): void {
    const lines = this.#lines();
    const changed = lines.flatMap((line, row) =>
      line === this.#drawn[row] ? [] : [`\u001b[${row + 1};1H${line}\u001b[K`],
    );
    if (lines.length < this.#drawn.length) changed.push(`\u001b[${lines.length + 1};1H\u001b[J`);
    this.#drawn = lines;
    if (changed.length > 0) process.stdout.write(changed.join(""));
  }

  #lines(): readonly string[] {
    const size = screen();
    if (!this.#snapshot) return [this.#message.slice(0, size.columns)];
    const lines = drawTop(this.#snapshot, size, this.#sort);
    if (this.#message === "") return lines;
    return [`! ${this.#message}`.slice(0, size.columns), ...lines.slice(1)];
  }
}
