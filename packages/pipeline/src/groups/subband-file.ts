/**
 * The name of a subband file: `2026-01-25T22:26:05_sb07.hdf5`, the UTC second at which its host
 * began to write, and the subband, 00 at the top of the band.
 *
 * While it is being written the file is called `…_sb07_incomplete.hdf5`; such names are no subband
 * files yet.
 */

export interface SubbandFile {
  readonly path: string;
  /** As in the name: `YYYY-MM-DDTHH:MM:SS`, UTC. */
  readonly timestamp: string;
  readonly unixMs: number;
  readonly subbandIndex: number;
}

const NAME = /(?:^|\/)(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)_sb(\d\d)\.hdf5$/;

/** @returns undefined when the path does not end in a finished subband file's name */
export function parseSubbandPath(path: string): SubbandFile | undefined {
  const match = NAME.exec(path);
  if (match === null) return undefined;
  const [, timestamp = "", subband = ""] = match;
  const unixMs = Date.parse(`${timestamp}Z`);
  if (Number.isNaN(unixMs)) return undefined;
  return { path, timestamp, unixMs, subbandIndex: Number(subband) };
}

/** `sb07` of 7. */
export function subbandCode(subbandIndex: number): string {
  return `sb${String(subbandIndex).padStart(2, "0")}`;
}
