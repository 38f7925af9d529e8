/** A small file of made-up values, and h5py to judge and to damage files; for tests only. */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Uvh5Data, Uvh5Description } from "./write.ts";

const PYTHON = "/usr/bin/python3";
const REFEREE = fileURLToPath(new URL("./referee.py", import.meta.url));

export const hasH5py = existsSync(PYTHON) && spawnSync(PYTHON, ["-c", "import h5py"]).status === 0;

export interface RefereeEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly maxshape: readonly (number | null)[];
  readonly chunks: readonly number[] | null;
  readonly isVariableString: boolean;
  readonly sha256?: string;
  readonly text?: string | readonly string[];
  readonly values?: unknown;
}

/** What h5py finds: dataset path → description. */
export function askH5py(path: string): Record<string, RefereeEntry> {
  const output = execFileSync(PYTHON, [REFEREE, path], { encoding: "utf8", maxBuffer: 1 << 26 });
  // The script prints exactly these entries.
  return JSON.parse(output) as Record<string, RefereeEntry>;
}

/** Runs Python on the open h5py file `f`, to make the files that only others write. */
export function editWithH5py(path: string, code: string, mode = "r+"): void {
  const program = `import h5py, numpy as np\nwith h5py.File(${JSON.stringify(path)}, "${mode}") as f:`;
  execFileSync(PYTHON, ["-c", `${program}\n  ${code}\n`]);
}

export function sha256(array: NodeJS.ArrayBufferView): string {
  return createHash("sha256").update(array).digest("hex");
}

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), "formats-test-"));
}

/** Path of a real telescope file, or undefined where they are not at hand. */
export function realDataPath(name: string): string | undefined {
  const path = join(process.env["CONTIMG_REAL_DATA"] ?? "", name);
  return existsSync(path) ? path : undefined;
}

export const FIXTURE = { antennaCount: 5, timeCount: 30, channelCount: 48 };

/** 15 baselines × 30 times = 450 rows: four rows of chunks, the last one partly filled. */
export function fixture(): { description: Uvh5Description; data: Uvh5Data } {
  const { antennaCount, timeCount, channelCount } = FIXTURE;
  const pairs = Array.from({ length: antennaCount }, (_, i) =>
    Array.from({ length: antennaCount - i }, (__, k) => [i, i + k] as const),
  ).flat();
  const itemCount = pairs.length * timeCount * channelCount * 2;
  return {
    description: {
      telescopeName: "OVRO_MMA",
      instrument: "DSA",
      objectName: "search",
      history: "made by a test",
      latitudeDeg: 37.2334,
      longitudeDeg: -118.283,
      altitudeM: 1188,
      pointingDecRad: 0.95,
      antennaNames: Array.from({ length: 7 }, (_, slot) => String(slot + 1)),
      antennaPositionsM: Float64Array.from({ length: 21 }, (_, k) => 10 * Math.sin(k)),
      antennaDiameterM: 4.65,
      activeAntennaCount: antennaCount,
      antenna1Index: Int32Array.from(pairs, ([i]) => i),
      antenna2Index: Int32Array.from(pairs, ([, j]) => j),
      uvwM: Float64Array.from({ length: 3 * pairs.length }, (_, k) => Math.cos(k)),
      timesMjd: Float64Array.from({ length: timeCount }, (_, t) => 61065 + t * 1.4913e-4),
      integrationSeconds: 12.884902000427246,
      frequencyHz: Float64Array.from({ length: channelCount }, (_, c) => 1.4e9 - c * 244140.625),
      channelWidthHz: 244140.625,
      polarizationCodes: [-5, -6],
      fringeTable: "table.npz",
      appliedDelaysNs: new Float64Array(14),
    },
    data: {
      vis: Float32Array.from({ length: 2 * itemCount }, (_, k) => Math.sin(k * 0.37)),
      flags: Uint8Array.from({ length: itemCount }, (_, k) => (k % 7 === 0 ? 1 : 0)),
      nsamples: Float32Array.from({ length: itemCount }, (_, k) => k % 97),
    },
  };
}
