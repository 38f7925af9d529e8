/** Opens the files of a group and says in the pipeline's words why one is refused. */
import { MalformedUvh5, UnphysicalUvh5, Uvh5File } from "@contimg/formats";

import { PipelineError } from "../errors.ts";

/** @throws {PipelineError} MalformedFile, UnphysicalData; files opened before are closed again */
export function openSubbands(paths: readonly string[]): Uvh5File[] {
  const files: Uvh5File[] = [];
  try {
    for (const path of paths) files.push(new Uvh5File(path));
  } catch (error) {
    closeAll(files);
    throw toPipelineError(error);
  }
  return files;
}

export function closeAll(files: readonly Uvh5File[]): void {
  for (const file of files) file.close();
}

/** The reader's two verdicts on a file as the pipeline's; any other error stays what it is. */
export function toPipelineError(error: unknown): unknown {
  if (error instanceof MalformedUvh5) {
    const fields = { path: error.path, field: error.field };
    return new PipelineError("MalformedFile", error.message, fields, { cause: error });
  }
  if (error instanceof UnphysicalUvh5) {
    const fields = { path: error.path, field: error.field };
    return new PipelineError("UnphysicalData", error.message, fields, { cause: error });
  }
  return error;
}
