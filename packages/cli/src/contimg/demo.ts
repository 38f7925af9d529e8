/** `contimg demo`: the whole pipeline on a simulated sky, from nothing, with the truth beside it. */
import { availableParallelism } from "node:os";
import { join } from "node:path";

import { Command, Option } from "commander";

import { startApi, untilStopped } from "../absurd/start-server.ts";
import { readConfig } from "../config.ts";
import { Interrupted } from "../failure.ts";
import { wholeNumberIn } from "../number-argument.ts";
import { print } from "../output.ts";
import { formatDuration } from "../terminal.ts";
import { describeChanges, renderGrid, type TileRow } from "./demo/live-view.ts";
import { formatReport } from "./demo/report.ts";
import { runDemo } from "./demo/run-demo.ts";
import { FAILURE_HELP } from "./failure-help.ts";
import { type CommonFlags, withDatabase, withJson } from "./options.ts";

interface DemoFlags extends CommonFlags {
  readonly size: "small" | "full";
  readonly seed: number;
  readonly dataRoot?: string;
  readonly workers: number;
  readonly open?: boolean;
}

const DEFAULT_ROOT = ".demo";

const HELP = `
Simulates a calibrator tile and two science tiles, runs them through the durable queue with worker
processes, and ends with injected and measured fluxes side by side. Without a database it starts an
embedded PostgreSQL below the data root and stops it at the end. small: 63 antennas, 64 channels,
about 90 MB a tile. full: 96 antennas, 768 channels, 2.3 GB a tile.

On a terminal it then serves API and dashboard, prints their addresses and waits for Ctrl-C.
Elsewhere, and with --no-open, it ends and says how to look at the result later.

Examples:
  contimg demo
  contimg demo --no-open
  contimg demo --size full --data-root /scratch/demo
  contimg demo --json > demo.json`;

export function demoCommand(): Command {
  const command = new Command("demo")
    .description("simulate three tiles, process them, compare with the truth")
    .addOption(
      new Option("--size <size>", "of the simulated array")
        .choices(["small", "full"])
        .default("small"),
    )
    .option("--seed <integer>", "of the simulated sky and instrument", wholeNumberIn(0, 2 ** 31), 1)
    .option("--data-root <folder>", `all the demo's files (${DEFAULT_ROOT}/<size>)`)
    .option("--workers <count>", "worker processes", wholeNumberIn(1, 64), 2)
    .option("--open", "serve the dashboard at the end, until Ctrl-C (default: on a terminal)")
    .option("--no-open", "end at once, on a terminal too");
  for (const add of [withDatabase, withJson]) add(command);
  return command.addHelpText("after", HELP).action(demo);
}

async function demo(flags: DemoFlags): Promise<void> {
  const dataRoot = flags.dataRoot ?? join(DEFAULT_ROOT, flags.size);
  const config = readConfig({ ...flags, dataRoot }, process.env);
  const interrupt = new AbortController();
  process.once("SIGINT", () => {
    interrupt.abort(new Interrupted("interrupted; what was made stays below the data root"));
  });
  const screen = liveScreen();
  const startMs = performance.now();
  await runDemo({
    ...{ dataRoot: config.dataRoot, queue: config.queue, databaseUrl: config.databaseUrl },
    ...{ size: flags.size, seed: flags.seed, workerCount: flags.workers },
    threadCount: Math.max(1, Math.floor(availableParallelism() / flags.workers)),
    signal: interrupt.signal,
    onSimulated: screen.simulated,
    onState: screen.state,
    onReport: async (report, databaseUrl) => {
      screen.end();
      const took = formatDuration((performance.now() - startMs) / 1000);
      print(flags.json ?? false, report, () => `\n${formatReport(report)}\n\ndone in ${took}`);
      if (isOpened(flags)) await showResult(databaseUrl);
      else process.stderr.write(`look at it: ${lookCommand(flags, config.dataRoot)}\n`);
    },
  }).finally(screen.end);
}

/** A program that reads the result, or a machine that builds us, would wait for ever. */
function isOpened(flags: DemoFlags): boolean {
  const isPerson = process.stdin.isTTY && process.stdout.isTTY && !flags.json;
  return flags.open ?? isPerson;
}

/** Any port that is free: another `up` may have the usual one. */
async function showResult(databaseUrl: string): Promise<void> {
  const stopped = untilStopped();
  const { server, lines } = await startApi(databaseUrl, { port: 0 }, true, FAILURE_HELP);
  process.stderr.write(`\nlook at it\n${[...lines, "Ctrl-C stops all of it"].join("\n")}\n`);
  await stopped;
  await server.close();
}

function lookCommand(flags: DemoFlags, dataRoot: string): string {
  const database = flags.database ?? process.env["ABSURD_DATABASE_URL"];
  // An address can hold a password, which does not belong into a log.
  if (database !== undefined) return "absurd serve, with the same database";
  return `contimg up --data-root ${dataRoot}`;
}

/** A picture that is redrawn on a terminal; elsewhere one line a change. To standard error. */
function liveScreen() {
  const stream = process.stderr;
  let before: readonly TileRow[] = [];
  let drawnLines = 0;
  let startMs: number | undefined;
  const redraw = (lines: readonly string[]) => {
    const width = stream.columns;
    const up = drawnLines > 0 ? `\u001b[${drawnLines}A` : "";
    const text = lines.map((line) => `\u001b[2K${line.slice(0, width)}\n`).join("");
    stream.write(`${up}\r${text}\u001b[J`);
    drawnLines = lines.length;
  };
  return {
    simulated: (label: string, doneCount: number) => {
      if (stream.isTTY) redraw([`simulating ${label}: ${doneCount} of 16 files`]);
      else if (doneCount === 16) stream.write(`simulated ${label}\n`);
    },
    state: (tiles: readonly TileRow[]) => {
      startMs ??= performance.now();
      if (stream.isTTY) redraw(renderGrid(tiles, (performance.now() - startMs) / 1000));
      else for (const line of describeChanges(before, tiles)) stream.write(`${line}\n`);
      before = tiles;
    },
    end: () => {
      drawnLines = 0;
    },
  };
}
