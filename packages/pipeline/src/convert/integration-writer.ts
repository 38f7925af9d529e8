/**
 * Appends integrations to the main table of a Measurement Set. The large columns are written on
 * another thread, so that the next integration can be read meanwhile.
 */
import { putIntegration } from "@contimg/casacore";
import type { Table } from "@contimg/casacore";
import type { BandIntegration } from "@contimg/formats";

import type { ConversionPlan } from "./conversion-plan.ts";

export class IntegrationWriter {
  readonly #plan: ConversionPlan;
  readonly #table: Table;

  constructor(plan: ConversionPlan, table: Table) {
    this.#plan = plan;
    this.#table = table;
  }

  /**
   * Appends the rows of one integration. The table and the band belong to it until it settles.
   * @param antennaUvwM positions on the axes of the phase center, [antenna, 3]
   * @param withFlags otherwise they are to come later, by `writeFlags`
   */
  async write(
    time: number,
    antennaUvwM: Float64Array,
    band: BandIntegration,
    withFlags: boolean,
  ): Promise<void> {
    const { header } = this.#plan.files[0]!;
    const { baselineCount: rowCount, antenna1Index, antenna2Index } = header;
    const startRow = time * rowCount;
    const table = this.#table;
    table.addRows(rowCount);
    putIntegration(table, startRow, {
      timeMjd: header.timesMjd[time]!,
      intervalSeconds: header.integrationSeconds[time]!,
      antenna1: antenna1Index,
      antenna2: antenna2Index,
      uvwM: baselineUvw(antennaUvwM, antenna1Index, antenna2Index),
    });
    await table.putArrayAsync("DATA", startRow, rowCount, band.vis);
    if (withFlags) await this.writeFlags(time, band.flags);
    if (band.weights.length === 0) return;
    await table.putArrayAsync("WEIGHT_SPECTRUM", startRow, rowCount, band.weights);
  }

  /** Writes the flags of an integration whose rows are there. */
  async writeFlags(time: number, flags: Uint8Array): Promise<void> {
    const { baselineCount: rowCount } = this.#plan.files[0]!.header;
    await this.#table.putArrayAsync("FLAG", time * rowCount, rowCount, flags);
  }
}

/** UVW of the Measurement Set: position(1) − position(2), opposite to UVH5. */
export function baselineUvw(
  antennaUvwM: Float64Array,
  antenna1: Int32Array,
  antenna2: Int32Array,
): Float64Array {
  const uvwM = new Float64Array(3 * antenna1.length);
  for (let baseline = 0; baseline < antenna1.length; baseline += 1) {
    const from = 3 * antenna1[baseline]!;
    const to = 3 * antenna2[baseline]!;
    for (let k = 0; k < 3; k += 1) {
      uvwM[3 * baseline + k] = antennaUvwM[from + k]! - antennaUvwM[to + k]!;
    }
  }
  return uvwM;
}
