/**
 * A Measurement Set open for streaming: what its small tables and columns say, read at once, and
 * its integrations, read one by one. One spectral window, any number of rows an integration.
 */
import type { IntegrationSlab, RaDec } from "@contimg/astro";
import { openTable, type AntennaDescription, type Table } from "@contimg/casacore";

import { PipelineError } from "../errors.ts";

const DAY_SECONDS = 86_400;

/** Consecutive rows of one time. */
export interface Integration {
  readonly timeMjd: number;
  readonly intervalSeconds: number;
  readonly firstRow: number;
  readonly rowCount: number;
}

export interface VisibilitySet extends Disposable {
  readonly path: string;
  readonly telescopeName: string;
  readonly antennas: AntennaDescription;
  readonly frequencyHz: Float64Array;
  readonly channelWidthHz: number;
  /** CORR_TYPE by polarization. */
  readonly correlationTypes: readonly number[];
  readonly field: RaDec & { readonly name: string };
  readonly integrations: readonly Integration[];
  /** [row]. */
  readonly antenna1: Int32Array;
  readonly antenna2: Int32Array;
  /** [row, uvw]. */
  readonly uvwM: Float64Array;
  readonly startMjd: number;
  readonly endMjd: number;
  /** Fills the slab's arrays with an integration's DATA and FLAG. */
  readInto(integration: Integration, slab: SlabBuffers): IntegrationSlab | Promise<IntegrationSlab>;
}

/** A Measurement Set on disk is read at once: casacore is synchronous. */
export interface StoredSet extends VisibilitySet {
  readInto(integration: Integration, slab: SlabBuffers): IntegrationSlab;
}

/** Shared memory for one integration at a time, of the largest there is. */
export interface SlabBuffers {
  readonly vis: Float32Array;
  readonly flags: Uint8Array;
}

/** @throws {PipelineError} MalformedFile when it is no Measurement Set that we can stream */
export function openVisibilitySet(path: string): StoredSet {
  const table = openMain(path);
  const band = readSubtable(path, "SPECTRAL_WINDOW", readBand);
  const correlationTypes = readSubtable(path, "POLARIZATION", (polarizations) =>
    Array.from(polarizations.getInts("CORR_TYPE", 0)),
  );
  const rows = readRows(table);
  const integrations = groupByTime(rows.seconds, rows.intervals);
  const [polarizationCount, channelCount] = [correlationTypes.length, band.frequencyHz.length];
  checkShape(path, table, polarizationCount, channelCount);
  const first = integrations[0]!;
  const last = integrations.at(-1)!;
  return {
    path,
    telescopeName: readSubtable(path, "OBSERVATION", (o) =>
      o.getStrings("TELESCOPE_NAME", 0, 1),
    )[0]!,
    antennas: readSubtable(path, "ANTENNA", readAntennas),
    ...band,
    correlationTypes,
    field: readSubtable(path, "FIELD", readField),
    integrations,
    antenna1: rows.antenna1,
    antenna2: rows.antenna2,
    uvwM: rows.uvwM,
    startMjd: first.timeMjd - first.intervalSeconds / 2 / DAY_SECONDS,
    endMjd: last.timeMjd + last.intervalSeconds / 2 / DAY_SECONDS,
    readInto({ firstRow, rowCount }, slab) {
      const count = rowCount * channelCount * polarizationCount;
      const vis = slab.vis.subarray(0, 2 * count);
      const flags = slab.flags.subarray(0, count);
      table.getArray("DATA", firstRow, rowCount, vis);
      table.getArray("FLAG", firstRow, rowCount, flags);
      return { vis, flags, rowCount, channelCount, polarizationCount };
    },
    [Symbol.dispose]: () => {
      table.close();
    },
  };
}

/** Buffers that hold any integration of the set. */
export function allocateSlab(set: VisibilitySet): SlabBuffers {
  const rowCount = set.integrations.reduce((most, one) => Math.max(most, one.rowCount), 0);
  const count = rowCount * set.frequencyHz.length * set.correlationTypes.length;
  return {
    vis: new Float32Array(new SharedArrayBuffer(8 * count)),
    flags: new Uint8Array(new SharedArrayBuffer(count)),
  };
}

function openMain(path: string): Table {
  let table: Table;
  try {
    table = openTable(path);
  } catch (cause) {
    throw new PipelineError(
      "MalformedFile",
      `${path} is not a Measurement Set that can be opened: ${String(cause)}`,
      { path },
      { cause },
    );
  }
  const missing = ["DATA", "FLAG", "UVW"].filter((column) => !table.hasColumn(column));
  if (missing.length > 0 || table.rowCount === 0)
    throw new PipelineError(
      "MalformedFile",
      `${path} has ${table.rowCount} rows and lacks columns [${missing.join(", ")}], ` +
        "expected visibilities",
      { path, missing },
    );
  return table;
}

function checkShape(
  path: string,
  table: Table,
  polarizationCount: number,
  channelCount: number,
): void {
  const shape = table.cellShape("DATA", 0) ?? [];
  if (shape[0] === polarizationCount && shape[1] === channelCount) return;
  throw new PipelineError(
    "MalformedFile",
    `${path}: column DATA has cells of [${shape.join(", ")}], ` +
      `expected [${polarizationCount}, ${channelCount}] from its subtables`,
    { path, shape },
  );
}

function readSubtable<Value>(path: string, name: string, read: (table: Table) => Value): Value {
  using table = openTable(`${path}/${name}`);
  if (table.rowCount === 0)
    throw new PipelineError("MalformedFile", `${path}: subtable ${name} has no rows`, { path });
  return read(table);
}

function readBand(windows: Table): { frequencyHz: Float64Array; channelWidthHz: number } {
  if (windows.rowCount !== 1)
    throw new PipelineError(
      "MalformedFile",
      `${windows.path} has ${windows.rowCount} spectral windows, expected 1`,
      { path: windows.path },
    );
  return {
    frequencyHz: windows.getDoubles("CHAN_FREQ", 0),
    channelWidthHz: Math.abs(windows.getDoubles("CHAN_WIDTH", 0)[0]!),
  };
}

function readAntennas(antennas: Table): AntennaDescription {
  const count = antennas.rowCount;
  return {
    names: antennas.getStrings("NAME"),
    stations: antennas.getStrings("STATION"),
    positionsM: antennas.getArray("POSITION", 0, count, new Float64Array(3 * count)),
    dishDiameterM: antennas.getScalars("DISH_DIAMETER", 0, count, new Float64Array(count)),
  };
}

function readField(fields: Table): RaDec & { name: string } {
  const direction = fields.getDoubles("PHASE_DIR", 0);
  return { name: fields.getStrings("NAME", 0, 1)[0]!, raRad: direction[0]!, decRad: direction[1]! };
}

function readRows(table: Table): {
  seconds: Float64Array;
  intervals: Float64Array;
  antenna1: Int32Array;
  antenna2: Int32Array;
  uvwM: Float64Array;
} {
  const count = table.rowCount;
  return {
    seconds: table.getScalars("TIME", 0, count, new Float64Array(count)),
    intervals: table.getScalars("INTERVAL", 0, count, new Float64Array(count)),
    antenna1: table.getScalars("ANTENNA1", 0, count, new Int32Array(count)),
    antenna2: table.getScalars("ANTENNA2", 0, count, new Int32Array(count)),
    uvwM: table.getArray("UVW", 0, count, new Float64Array(3 * count)),
  };
}

function groupByTime(seconds: Float64Array, intervals: Float64Array): Integration[] {
  const integrations: Integration[] = [];
  for (let row = 0; row < seconds.length;) {
    let end = row + 1;
    while (end < seconds.length && seconds[end] === seconds[row]) end += 1;
    integrations.push({
      timeMjd: seconds[row]! / DAY_SECONDS,
      intervalSeconds: intervals[row]!,
      firstRow: row,
      rowCount: end - row,
    });
    row = end;
  }
  return integrations;
}
