/**
 * Reading UVH5 files: header at once, data by integration.
 *
 * Values are given out as stored: nothing is conjugated, reordered or scaled. What no receiver can
 * have produced is refused, a sample of it when the file is opened and every value as it is read.
 */
import { openHdf5, type Extremes, type Hdf5File } from "../hdf5/file.ts";
import { MalformedUvh5, UnphysicalUvh5 } from "./errors.ts";
import { HeaderFields } from "./fields.ts";
import { parseHeader, type Uvh5Header } from "./header.ts";

/** No correlator writes this; float32 garbage does. Calibrated or not, real data stay far below. */
const MAGNITUDE_MAX = 1e30;
const SAMPLED_ROWS_MAX = 256;

/** Any part may be absent. Shapes are [time, baseline, channel, polarization]. */
export interface IntegrationArrays {
  /** Interleaved re, im: twice the items of the shape. */
  readonly vis?: Float32Array;
  /** 1 is bad. */
  readonly flags?: Uint8Array;
  readonly nsamples?: Float32Array;
}

/** What a read found in the arrays it filled; fields of absent arrays are 0. */
export interface IntegrationExtremes {
  /** 0 when every visibility is zero. */
  readonly visAbsMax: number;
  readonly nsamplesMin: number;
  readonly nsamplesMax: number;
}

const NOTHING_READ: Extremes = { absMax: 0, min: 0 };

export class Uvh5File {
  readonly path: string;
  readonly header: Uvh5Header;
  private readonly file: Hdf5File;
  /** Old and DSA-110 files have an axis of one spectral window between rows and channels. */
  private readonly hasWindowAxis: boolean;

  /** @throws {MalformedUvh5 | UnphysicalUvh5} */
  constructor(path: string) {
    this.path = path;
    this.file = openFile(path);
    try {
      this.header = parseHeader(new HeaderFields(path, this.file));
      this.hasWindowAxis = dataHaveWindowAxis(path, this.file, this.header);
      this.checkSample();
    } catch (error) {
      this.file.close();
      throw asMalformed(path, error);
    }
  }

  /** Items (not floats) of one integration: baselines × channels × polarizations. */
  get integrationItemCount(): number {
    const { baselineCount, channelCount, polarizationCount } = this.header;
    return baselineCount * channelCount * polarizationCount;
  }

  /**
   * Reads `timeCount` integrations into the given arrays, which the read owns until it settles.
   *
   * @throws {UnphysicalUvh5} on values that are not finite, of magnitude 1e30 or above, or, for
   *   nsamples, negative
   */
  async readIntegrations(
    firstTime: number,
    timeCount: number,
    arrays: IntegrationArrays,
  ): Promise<IntegrationExtremes> {
    const { baselineCount } = this.header;
    const [offset, count] = this.slabOf(firstTime * baselineCount, timeCount * baselineCount);
    const where = `integrations ${firstTime} to ${firstTime + timeCount - 1}`;
    const read = async (name: string, out?: Float32Array | Uint8Array): Promise<Extremes> => {
      if (out === undefined) return NOTHING_READ;
      const extremes = await this.file.readSlabAsync(name, offset, count, out);
      this.checkValues(name, extremes, where);
      return extremes;
    };
    const reads = [
      read("Data/visdata", arrays.vis),
      read("Data/flags", arrays.flags),
      read("Data/nsamples", arrays.nsamples),
    ] as const;
    // All must settle before the arrays are the caller's again, also when one fails.
    for (const result of await Promise.allSettled(reads)) {
      if (result.status === "rejected") throw asMalformed(this.path, result.reason);
    }
    const [vis, , nsamples] = await Promise.all(reads);
    return { visAbsMax: vis.absMax, nsamplesMin: nsamples.min, nsamplesMax: nsamples.absMax };
  }

  close(): void {
    this.file.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** The first rows of the first and of the middle integration. */
  private checkSample(): void {
    const { baselineCount, timeCount, channelCount, polarizationCount } = this.header;
    const rowCount = Math.min(baselineCount, SAMPLED_ROWS_MAX);
    const values = new Float32Array(2 * rowCount * channelCount * polarizationCount);
    for (const time of new Set([0, Math.floor(timeCount / 2)])) {
      const [offset, count] = this.slabOf(time * baselineCount, rowCount);
      const where = `the first ${rowCount} rows of integration ${time}`;
      const half = values.subarray(0, values.length / 2);
      const nsamples = this.file.readSlab("Data/nsamples", offset, count, half);
      this.checkValues("Data/nsamples", nsamples, where);
      const vis = this.file.readSlab("Data/visdata", offset, count, values);
      this.checkValues("Data/visdata", vis, where);
    }
  }

  private checkValues(field: string, { absMax, min }: Extremes, where: string): void {
    const fail = (problem: string): never => {
      throw new UnphysicalUvh5({ path: this.path, field, problem: `${problem} in ${where}` });
    };
    if (!Number.isFinite(absMax)) fail("has a value that is not finite");
    if (absMax >= MAGNITUDE_MAX) fail(`reaches ${absMax.toExponential(1)}, expected below 1e30,`);
    if (field === "Data/nsamples" && min < 0) {
      fail(`is ${min.toExponential(1)}, expected 0 or more,`);
    }
  }

  private slabOf(firstRow: number, rowCount: number): [number[], number[]] {
    const { channelCount, polarizationCount } = this.header;
    return this.hasWindowAxis
      ? [
          [firstRow, 0, 0, 0],
          [rowCount, 1, channelCount, polarizationCount],
        ]
      : [
          [firstRow, 0, 0],
          [rowCount, channelCount, polarizationCount],
        ];
  }
}

function openFile(path: string): Hdf5File {
  try {
    return openHdf5(path);
  } catch (error) {
    throw asMalformed(path, error);
  }
}

/** libhdf5's errors become ours, with its words: they start with the path and name the dataset. */
function asMalformed(path: string, error: unknown): unknown {
  const isOurs = error instanceof MalformedUvh5 || error instanceof UnphysicalUvh5;
  if (isOurs || !(error instanceof Error) || !error.message.startsWith(`${path}: `)) return error;
  const problem = error.message.slice(path.length + 2);
  return new MalformedUvh5({ path, field: "file", problem }, { cause: error });
}

function dataHaveWindowAxis(path: string, file: Hdf5File, header: Uvh5Header): boolean {
  const rows = header.timeCount * header.baselineCount;
  const flat = [rows, header.channelCount, header.polarizationCount];
  const windowed = [rows, 1, header.channelCount, header.polarizationCount];
  let hasWindowAxis = false;
  for (const field of ["Data/visdata", "Data/flags", "Data/nsamples"]) {
    if (!file.exists(field)) throw new MalformedUvh5({ path, field, problem: "is missing" });
    const shape = file.describe(field).shape.join(", ");
    hasWindowAxis = shape === windowed.join(", ");
    if (hasWindowAxis || shape === flat.join(", ")) continue;
    const problem = `has shape [${shape}], expected [${flat.join(", ")}] or [${windowed.join(", ")}]`;
    throw new MalformedUvh5({ path, field, problem });
  }
  return hasWindowAxis;
}
