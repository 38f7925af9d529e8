/**
 * Polarization products: the order a UVH5 file has them in, the order a Measurement Set wants.
 */
import { CORRELATION_TYPE } from "@contimg/casacore";

import { PipelineError } from "../errors.ts";

/** AIPS codes of UVH5 (AIPS Memo 117, table 29) in the order of a Measurement Set. */
const PRODUCTS: readonly (readonly [code: number, type: number])[] = [
  [-1, CORRELATION_TYPE.RR],
  [-3, CORRELATION_TYPE.RL],
  [-4, CORRELATION_TYPE.LR],
  [-2, CORRELATION_TYPE.LL],
  [-5, CORRELATION_TYPE.XX],
  [-7, CORRELATION_TYPE.XY],
  [-8, CORRELATION_TYPE.YX],
  [-6, CORRELATION_TYPE.YY],
];

export interface PolarizationOrder {
  /** CORR_TYPE, in the order of the Measurement Set. */
  readonly correlationTypes: readonly number[];
  /** Index in the file of each product of the Measurement Set. */
  readonly sourceIndex: Int32Array;
}

/** @throws {PipelineError} MalformedFile when a code is no linear or circular product */
export function polarizationOrder(path: string, codes: readonly number[]): PolarizationOrder {
  const unknown = codes.find((code) => !PRODUCTS.some(([known]) => known === code));
  if (unknown !== undefined) {
    throw new PipelineError(
      "MalformedFile",
      `${path}: polarization_array holds ${unknown}, expected products -8…-1`,
      { path, field: "polarization_array", value: unknown },
    );
  }
  const present = PRODUCTS.filter(([code]) => codes.includes(code));
  return {
    correlationTypes: present.map(([, type]) => type),
    sourceIndex: Int32Array.from(present, ([code]) => codes.indexOf(code)),
  };
}
