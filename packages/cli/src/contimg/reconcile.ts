/** `contimg reconcile`: brings files and registry together after a crash. */
import { reconcile, type ReconcileReport } from "@contimg/pipeline";
import { Command } from "commander";

import { print } from "../output.ts";
import {
  type CommonFlags,
  requireDatabase,
  withDatabase,
  withDataRoot,
  withJson,
  withPool,
} from "./options.ts";

export function reconcileCommand(): Command {
  const command = new Command("reconcile").description(
    "finish interrupted publications, remove what crashes left, report what does not match",
  );
  for (const add of [withDataRoot, withDatabase, withJson]) add(command);
  return command.action(async (flags: CommonFlags) => {
    const { databaseUrl, dataRoot } = requireDatabase(flags);
    const report = await withPool(databaseUrl, (pool) => reconcile(pool, dataRoot));
    const json = {
      finished: report.finished,
      removed_stage_folders: report.removedStageFolders,
      missing_files: report.missingFiles,
      stray_files: report.strayFiles,
    };
    print(flags.json ?? false, json, () => describe(report));
  });
}

function describe(report: ReconcileReport): string {
  const sections = [
    ["published", report.finished],
    ["removed", report.removedStageFolders],
    ["registered, but the file is gone", report.missingFiles],
    ["a file that no product names", report.strayFiles],
  ] as const;
  const lines = sections.flatMap(([what, paths]) => paths.map((path) => `${what}: ${path}`));
  return lines.length === 0 ? "files and registry agree" : lines.join("\n");
}
