/** `contimg soak`: a night's files, with faults, through the whole pipeline, and the reckoning. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";

import { Command, Option } from "commander";

import { Interrupted, NotInOrder, UsageError } from "../failure.ts";
import { readJsonArgument } from "../json-argument.ts";
import { numberIn, wholeNumberIn } from "../number-argument.ts";
import { print } from "../output.ts";
import { paramsByStageSchema } from "../params-by-stage.ts";
import { DATA_FAULTS, DISTURBANCES } from "./soak/night.ts";
import { formatSoak, reportAsJson } from "./soak/report.ts";
import { runSoak, smallDiskFolder } from "./soak/run-soak.ts";
import { SmallDisk } from "./soak/site.ts";

interface SoakFlags {
  readonly tiles: number;
  readonly size: "small" | "full";
  readonly seed: number;
  readonly faults?: boolean;
  readonly interval?: number;
  readonly backToBack?: boolean;
  readonly workers: number;
  readonly folder?: string;
  readonly params?: string;
  readonly json?: boolean;
}

const DEFAULT_FOLDER = ".soak";
/** Says that a folder is a soak's, which the next soak may empty. */
const MARK = "soak.json";

const MEANINGS = Object.entries({ ...DATA_FAULTS, ...DISTURBANCES })
  .map(([name, meaning]) => `  ${name.padEnd(18)} ${meaning}`)
  .join("\n");

const HELP = `
Plays a night: simulates consecutive tiles around a calibrator's transit and lets their files
arrive; runs a PostgreSQL, ingest and workers of its own as processes. With --faults:
${MEANINGS}

In the end every tile must be imaged, held or refused as its data allow, with the reason; nothing
lost, nothing twice, audit clean, every fault really met, fluxes and places as injected. What is
not so is a PROBLEM, and the exit code is 1. The same seed gives the same night; how processes
interleave is the machine's. A small tile takes about 0.5 GB of disk, a full one 6 GB.

Examples:
  contimg soak --tiles 4 --faults
  contimg soak --tiles 40 --faults --json > soak.json
  contimg soak --tiles 7 --size full --workers 1 --back-to-back
  contimg soak --tiles 40 --interval 60 --params '{"imaging": {"tier": "quicklook"}}'`;

export function soakCommand(): Command {
  return new Command("soak")
    .description("a simulated night with faults, and proof that nothing was lost or doubled")
    .option("--tiles <count>", "of the night", wholeNumberIn(1, 400), 40)
    .addOption(
      new Option("--size <size>", "of the simulated array")
        .choices(["small", "full"])
        .default("small"),
    )
    .option("--seed <integer>", "of sky, instrument and faults", wholeNumberIn(0, 2 ** 31), 1)
    .option("--faults", "in the data, and to the processes")
    .option(
      "--interval <seconds>",
      "between two tiles (default: as fast as the pipeline takes them)",
      numberIn(0, 3600),
    )
    .addOption(
      new Option(
        "--back-to-back",
        "each tile when the one before has ended, all simulated beforehand: times of a machine " +
          "that does nothing else",
      ).conflicts("interval"),
    )
    .option("--workers <count>", "worker processes", wholeNumberIn(1, 64), 2)
    .option("--folder <folder>", `all the soak's files (${DEFAULT_FOLDER}/<size>); made anew`)
    .option("--params <json>", "further params by stage, of every group: JSON, @file or -")
    .option("--json", "print one JSON object, for programs")
    .addHelpText("after", HELP)
    .action(soak);
}

async function soak(flags: SoakFlags): Promise<void> {
  const params =
    flags.params === undefined
      ? {}
      : paramsByStageSchema.parse(await readJsonArgument(flags.params));
  const folder = resolve(flags.folder ?? join(DEFAULT_FOLDER, flags.size));
  await makeAnew(folder, flags);
  const interrupt = new AbortController();
  process.once("SIGINT", () => {
    interrupt.abort(new Interrupted("interrupted; what was made stays in the soak's folder"));
  });
  const startMs = performance.now();
  const report = await runSoak({
    ...{ folder, params, size: flags.size, seed: flags.seed, tileCount: flags.tiles },
    withFaults: flags.faults ?? false,
    pace: flags.backToBack ? "back-to-back" : (flags.interval ?? "as-taken"),
    workerCount: flags.workers,
    threadCount: Math.max(1, Math.floor(availableParallelism() / flags.workers)),
    signal: interrupt.signal,
    onEvent: (line) => {
      const seconds = ((performance.now() - startMs) / 1000).toFixed(0).padStart(5);
      process.stderr.write(`${seconds} s  ${line}\n`);
    },
  });
  print(flags.json ?? false, reportAsJson(report), () => formatSoak(report));
  const count = report.problems.length;
  if (count > 0) throw new NotInOrder(`${count} problems: ${report.problems.join("; ")}`);
}

/** @throws {UsageError} when something else than a soak's files is there */
async function makeAnew(folder: string, flags: SoakFlags): Promise<void> {
  const isEmpty = !existsSync(folder) || readdirSync(folder).length === 0;
  if (!isEmpty && !existsSync(join(folder, MARK))) {
    throw new UsageError(`${folder} holds files that are not of a soak; give another --folder`);
  }
  SmallDisk.release(smallDiskFolder(folder));
  await rm(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, MARK), `${JSON.stringify(flags)}\n`);
}
