/** `contimg run STAGE`: one stage without a queue, with the code that tasks run. */
import { runByHand, stageOf, STAGES } from "@contimg/pipeline";
import { Command } from "commander";

import { readConfig } from "../config.ts";
import { Interrupted } from "../failure.ts";
import { readJsonArgument } from "../json-argument.ts";
import { print } from "../output.ts";
import { formatDuration, progressLine } from "../terminal.ts";
import {
  type CommonFlags,
  withDatabase,
  withDataRoot,
  withJson,
  withPool,
  withThreads,
} from "./options.ts";

interface RunFlags extends CommonFlags {
  readonly params: string;
  readonly registry: boolean;
  readonly verbose?: boolean;
}

const EXAMPLES = `
Examples:
  contimg run convert-uvh5-to-ms --params '{"group_id":"2026-01-25T22:26:05"}'
  contimg run imaging --params @imaging.json --threads 2
  contimg run photometry --params - --json < params.json

Inputs that the params do not name are looked up in the registry when a database is given, else by
their usual place below the data root. Ctrl-C stops the stage and removes what it wrote.`;

export function runCommand(): Command {
  const command = new Command("run")
    .description("run one stage now and publish what it makes")
    .argument("<stage>", STAGES.map(({ stage }) => stage.name).join(", "))
    .requiredOption("--params <json>", "the stage's params: JSON, @file or - for standard input")
    .option("--no-registry", "do without the database even when one is set")
    .option("--verbose", "show what the stage and its tools print");
  for (const add of [withDataRoot, withThreads, withDatabase, withJson]) add(command);
  return command.addHelpText("after", EXAMPLES).action(run);
}

async function run(stageName: string, flags: RunFlags): Promise<void> {
  const config = readConfig(flags, process.env);
  const module = stageOf(config.stages, stageName);
  const params = await readJsonArgument(flags.params);
  const interrupt = new AbortController();
  process.once("SIGINT", () => {
    interrupt.abort(new Interrupted("interrupted; nothing was published"));
  });
  const progress = progressLine(stageName, process.stderr);
  const runOn = (pool?: Parameters<Parameters<typeof withPool>[1]>[0]) =>
    runByHand(module, params, {
      dataRoot: config.dataRoot,
      pool,
      threadCount: config.threadCount,
      thresholds: config.thresholds,
      signal: interrupt.signal,
      onProgress: (fraction, note) => {
        progress.update(fraction, note);
      },
      onLog: (line) => {
        if (flags.verbose) process.stderr.write(`${line}\n`);
      },
    });
  try {
    const { databaseUrl } = config;
    const useRegistry = flags.registry && databaseUrl !== undefined;
    const done = useRegistry ? await withPool(databaseUrl, runOn) : await runOn();
    progress.end();
    print(flags.json ?? false, done, () => describe(stageName, done));
  } finally {
    progress.end();
  }
}

function describe(stageName: string, done: Awaited<ReturnType<typeof runByHand>>): string {
  const { quality, paths, seconds } = done;
  return [
    `${stageName}: ${quality.verdict}, ${formatDuration(seconds)}`,
    ...quality.findings.map(({ text }) => `  ${text}`),
    ...paths.map((path) => `  ${path}`),
  ].join("\n");
}
