#!/usr/bin/env node
/** The command `contimg`: the pipeline from a terminal. */
import { ENVIRONMENT } from "./config.ts";
import { auditCommand } from "./contimg/audit.ts";
import { calibrationsCommand } from "./contimg/calibrations.ts";
import { demoCommand } from "./contimg/demo.ts";
import { explainCommand } from "./contimg/explain.ts";
import { ingestCommand } from "./contimg/ingest.ts";
import { housekeepingCommand } from "./contimg/housekeeping.ts";
import { lineageCommand } from "./contimg/lineage.ts";
import { lsCommand } from "./contimg/ls.ts";
import { migrateCommand } from "./contimg/migrate.ts";
import { qualityCommand } from "./contimg/quality.ts";
import { reconcileCommand } from "./contimg/reconcile.ts";
import { redoCommand } from "./contimg/redo.ts";
import { runCommand } from "./contimg/run.ts";
import { simulateCommand } from "./contimg/simulate.ts";
import { soakCommand } from "./contimg/soak.ts";
import { spawnCommand } from "./contimg/spawn.ts";
import { transitsCommand } from "./contimg/transits.ts";
import { upCommand } from "./contimg/up.ts";
import { workerCommand } from "./contimg/worker.ts";
import { runProgram } from "./program.ts";

const COMMANDS = [
  demoCommand,
  upCommand,
  soakCommand,
  simulateCommand,
  ingestCommand,
  runCommand,
  spawnCommand,
  workerCommand,
  lsCommand,
  transitsCommand,
  explainCommand,
  calibrationsCommand,
  qualityCommand,
  lineageCommand,
  redoCommand,
  auditCommand,
  reconcileCommand,
  housekeepingCommand,
  migrateCommand,
];

process.exitCode = await runProgram(
  {
    name: "contimg",
    description: "DSA-110 continuum imaging: from visibilities to calibrated images and fluxes",
    commands: COMMANDS,
    environment: ENVIRONMENT,
  },
  process.argv.slice(2),
);
